"""The finished trials of a sweep as an Optuna journal, for Optuna's own tools."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend

from ibsweep.questions.schema import Arm, Objective
from ibsweep.questions.space import to_distributions
from ibsweep.results.files import replace_file
from ibsweep.results.layout import STUDY_DIRECTORY
from ibsweep.results.records import Trial
from ibsweep.sweep.optuna_trials import frozen_trial

__all__ = ["export_study"]


def export_study(
    path: Path, name: str, arm: Arm, objectives: Sequence[Objective], trials: Sequence[Trial]
) -> None:
    """Write the finished trials as an Optuna journal that Optuna's own tools open.

    Args:
        path: The journal; an older one is replaced.
        name: The study's name: the sweep's.
        arm: The arm with its search space.
        objectives: Its question's metrics with their directions.
        trials: The finished trials.
    """
    distributions = to_distributions(arm.space)
    columns = [one.valid for one in objectives]
    found = [frozen_trial(row, columns, distributions) for row in sorted(trials, key=_number)]
    # earlier versions wrote where the study stays, and left a lock when they were killed
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=STUDY_DIRECTORY, dir=path.parent) as folder:
        aside = Path(folder, path.name)  # Optuna writes through links, and line by line
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(aside)))
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=[one.direction for one in objectives],
        )
        study.add_trials(found)
        replace_file(path, aside.read_bytes())


def _number(row: Trial) -> int:
    return row.trial
