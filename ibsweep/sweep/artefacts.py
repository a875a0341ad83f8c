"""What a sweep has beside its records, for other tools: written at its end, or completed later."""

from __future__ import annotations

import contextlib

from ibsweep.analysis.best_checks import is_older
from ibsweep.analysis.summary import summarise
from ibsweep.analysis.weights import weights_fault
from ibsweep.errors import IbsweepError, SweepError
from ibsweep.questions.schema import Question
from ibsweep.results.store import SweepStore
from ibsweep.results.working_files import remove_working_files

__all__ = ["complete_artefacts", "export"]


def export(store: SweepStore, question: Question) -> None:
    """Write the study for Optuna's tools; a full disk must not hide why the sweep ended."""
    from ibsweep.sweep.study_export import (
        export_study,  # Optuna, which a finished sweep does without
    )

    arm = question.arms[store.manifest.arm]
    with contextlib.suppress(OSError, SweepError):
        store.check()
        export_study(
            store.paths.study, store.manifest.name, arm, question.objectives, store.trials()
        )


def complete_artefacts(store: SweepStore, question: Question) -> None:
    """Do what a finished sweep lacks since a process was killed or a file is gone.

    That is the study, where the sweep's process was killed after it had written its best; and a
    best that is older than replicates which a settlement added, or without the weights that it
    could have. What needs data or code of the user's own that are gone stays as it is.

    Args:
        store: The sweep, held by this process.
        question: Its question.
    """
    remove_working_files(store)
    if _best_is_behind(store):
        from ibsweep.sweep.best import write_best  # torch: likewise
        from ibsweep.sweep.own import check_unchanged, folder_of, load_data

        with contextlib.suppress(IbsweepError):
            check_unchanged(store)
            load_data(question, folder_of(store.manifest))
            write_best(store, question, question.arms[store.manifest.arm])
    if not store.paths.study.exists():
        export(store, question)


def _best_is_behind(store: SweepStore) -> bool:
    best, paths = summarise(store).best, store.paths
    if best is None:
        return False
    kept = weights_fault(paths.model(best.trial.trial)) is None
    lacks_weights = kept and weights_fault(paths.best_model) is not None
    return lacks_weights or is_older(paths.best_config, best)
