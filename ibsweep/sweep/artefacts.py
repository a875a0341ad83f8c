"""What a sweep has beside its records, for other tools: written at its end, or completed later."""

from __future__ import annotations

import contextlib

from ibsweep.errors import SweepError
from ibsweep.questions.schema import Question
from ibsweep.results.store import SweepStore

__all__ = ["complete_artefacts", "export"]


def export(store: SweepStore, question: Question) -> None:
    """Write the study for Optuna's tools; a full disk must not hide why the sweep ended."""
    from ibsweep.sweep.proposals import export_study  # Optuna, which a finished sweep does without

    arm = question.arms[store.manifest.arm]
    with contextlib.suppress(OSError, SweepError):
        store.check()
        export_study(
            store.paths.study, store.manifest.name, arm, question.objective, store.trials()
        )


def complete_artefacts(store: SweepStore, question: Question) -> None:
    """Do what a finished sweep lacks since its process was killed after it had written its best.

    Args:
        store: The sweep, held by this process.
        question: Its question.
    """
    store.clean()
    if not store.paths.study.exists():
        export(store, question)
