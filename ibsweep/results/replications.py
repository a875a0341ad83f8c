"""The replications of published settings: one file beside the sweeps."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from ibsweep.results.files import make_directory
from ibsweep.results.journal import append_rows, rewrite_rows
from ibsweep.results.layout import REPLICATIONS
from ibsweep.results.location import lease
from ibsweep.results.locks import exclusive_lock, lock_of
from ibsweep.results.reading import Journal, read_journal
from ibsweep.results.rows import Count, Figures, Scored, Seed
from ibsweep.results.seal import Seal

__all__ = ["Replication", "ReplicationStore"]

_REPLICATIONS_SEAL = Seal(b"replications", required=False)
"""Lines without seals were written before there were any."""


class Replication(Scored):
    """A published setting, trained with one seed.

    Attributes:
        question: Name of the question.
        arm: Name of the arm.
        setting: ``"baseline"``, or the name of one of the arm's variants.
        train_size: Size of the training set, in the unit of the data's split.
        seed: Replicate seed.
        exact: Whether it follows the notebook's global generator draw for draw, and not streams of
            its own.
        model: Name of the model.
        data: The question's data document.
        settings: Complete settings.
        epochs: Epochs trained.
        valid: Figures on its validation examples; those of a model of zero weights if it diverged.
        train: Figures of the trained model on its training examples.
        diverged_epoch: As for a replicate.
        software: Versions of what trained it.
    """

    question: str
    arm: str
    setting: str
    train_size: Count
    seed: Seed
    exact: bool
    model: str
    data: dict[str, JsonValue]
    settings: dict[str, JsonValue]
    epochs: Count
    valid: Figures
    train: Figures
    diverged_epoch: Count | None
    software: dict[str, str]

    @property
    def key(self) -> Hashable:
        """Tells rows apart; what was trained again after a change of its file is another row."""
        return self.model_dump_json()


class ReplicationStore:
    """The replications of the notebook's settings, one file for all questions.

    Args:
        results: The results directory, made where there is none.

    Raises:
        InputError: If it cannot be written.
    """

    def __init__(self, results: Path) -> None:
        self.path = results / REPLICATIONS
        self._begun = False

    def journal(self) -> Journal[Replication]:
        """Return what the file holds, and what is wrong with it."""
        return read_journal(self.path, Replication, _REPLICATIONS_SEAL)

    def rows(self) -> list[Replication]:
        """Return the replications, in the order in which they finished."""
        return self.journal().sound()

    def add(self, rows: Iterable[Replication]) -> None:
        """Append rows in one write, durably."""
        append_rows(self.path, rows, _REPLICATIONS_SEAL, create=not self._begun)
        self._begun = True

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hold the file for this process, a torn tail cut off.

        Raises:
            InputError: If another process writes it, or the directory cannot be made.
            SweepError: If the directory cannot be written.
        """
        make_directory(self.path.parent, "--results")
        taken = f"{self.path} is being written by another process"
        with exclusive_lock(lock_of(self.path), taken), lease(self.path):
            rewrite_rows(self.path, self.rows(), _REPLICATIONS_SEAL)
            self._begun = self.path.exists()
            try:
                yield
            finally:
                self._begun = False
