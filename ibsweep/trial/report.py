"""What a training function reports by: a call an epoch, and a directory that survives a worker."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ibsweep.errors import InputError, suggestion
from ibsweep.metrics import METRICS
from ibsweep.own_directory import make_own_directory, remove_abandoned
from ibsweep.trial.predictions import check_predict

__all__ = ["Report", "Reported", "Stopped"]

_MOST_BYTES = 100 * 2**20
"""Of a replicate's checkpoint: it is sent to the process that runs the sweep."""


_RESTORED = "ibsweep-restored-"
"""How the names of directories begin in which files of checkpoints are."""


class Stopped(BaseException):
    """Ends a training function whose trial is over; no ``except Exception`` catches it."""


class Reported(NamedTuple):
    """What one call reported.

    Attributes:
        epoch: Epochs trained.
        predict: What predicts, or None.
        figures: Figures of the validation examples by metric, where there is no ``predict``.
    """

    epoch: int
    predict: Any
    figures: dict[str, float]


class Report:
    """Called by a training function after each epoch, or now and then.

    ``report(epoch, predict=model)`` has ibsweep score the model on validation rows: a
    ``torch.nn.Module``, a callable that takes a tensor of examples, or an object of scikit-learn's
    kind. ``report(epoch, accuracy=97.5)`` names figures of the validation rows itself; the last
    report must have ``predict`` all the same for the rows that are held out.

    It returns when training is to go on: not while the trial waits for a comparison, and never to
    a trial that is pruned, whose function it ends by an exception.

    Args:
        metrics: What the question records; the first is its objective.
        on_call: Called first of all; raises ``Stopped`` where the trial is over.
        on_report: Called with what was reported.
        on_checkpoint: Called with a checkpoint's files, packed.
        restored: The files of the last checkpoint before the worker was lost, packed, and the
            epoch it was taken at.
        on_restore: Called when the function takes them.

    Attributes:
        epoch: The last reported epoch; 0 at the start.
    """

    def __init__(
        self,
        metrics: Mapping[str, str],
        on_call: Callable[[], None],
        on_report: Callable[[Reported], None],
        on_checkpoint: Callable[[bytes], None],
        restored: tuple[bytes, int] | None = None,
        on_restore: Callable[[], None] = lambda: None,
    ) -> None:
        self._metrics, self._on_call = metrics, on_call
        self._on_report, self._on_checkpoint = on_report, on_checkpoint
        self._restored, self._on_restore = restored, on_restore
        self._directory: tuple[Path, int] | None = None
        self.epoch = restored[1] if restored else 0
        self.fault: InputError | None = None
        """The first call that was wrong; the function may have caught what it raised."""

    def __call__(self, epoch: int, *, predict: Any = None, **figures: Any) -> None:
        """Report that an epoch is trained; see the class.

        Args:
            epoch: Epochs trained so far, 1 or more; they rise from call to call.
            predict: What predicts.
            figures: Figures of the validation rows by metric, where there is no ``predict``.

        Raises:
            InputError: If the arguments are wrong; the trial fails with its words.
        """
        self._on_call()
        try:
            reported = self._read(epoch, predict, figures)
        except InputError as error:
            self.fault = error
            raise
        self.epoch = reported.epoch
        self._on_report(reported)

    def _read(self, epoch: int, predict: Any, figures: Mapping[str, Any]) -> Reported:
        """Check what a call was given."""
        if isinstance(epoch, bool) or not hasattr(epoch, "__index__"):
            raise InputError(f"report: epoch must be a whole number, but got {epoch!r}")
        epoch = epoch.__index__()
        if epoch < 1:
            raise InputError(f"report: epoch counts the epochs trained, from 1, but got {epoch}")
        if epoch <= self.epoch:
            raise InputError(
                f"report: epochs must rise from call to call, but {epoch} came after {self.epoch}"
            )
        if predict is not None:
            if figures:
                raise InputError(
                    "report: give predict=, which ibsweep scores, or figures, but not both; got "
                    f"predict= and {', '.join(figures)}="
                )
            check_predict(predict)
        return Reported(epoch, predict, {} if predict is not None else self._checked(figures))

    def checkpoint(self, directory: str | Path) -> None:
        """Keep the files of a directory: after a lost worker, ``restore`` returns them.

        Call it after the ``report`` of the epoch that they belong to. The global generators of
        Python, NumPy and torch are kept with them.

        Args:
            directory: Where the function has written what it needs to go on.

        Raises:
            InputError: If it is no directory or holds more than 100 MB.
        """
        path = Path(directory)
        if not path.is_dir():
            raise InputError(f"report.checkpoint: there is no directory {path}")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for entry in sorted(path.iterdir()):
                archive.add(entry, entry.name)
        size = packed.tell()
        if size > _MOST_BYTES:
            raise InputError(
                f"report.checkpoint: {path} holds {size / 2**20:.0f} MB, and at most "
                f"{_MOST_BYTES // 2**20} MB are kept"
            )
        self._on_checkpoint(packed.getvalue())

    def restore(self) -> Path | None:
        """Return a directory with the files of the last checkpoint; None where there is none.

        The global generators are set to what they were then, and ``report.epoch`` is the epoch
        that was reported last: what is trained from there is as if no worker had been lost.
        """
        if self._restored is None:
            return None
        self.close()
        base = tempfile.gettempdir()
        remove_abandoned(base, _RESTORED)  # of workers that were killed
        self._directory = folder, _ = make_own_directory(base, _RESTORED)
        with tarfile.open(fileobj=io.BytesIO(self._restored[0])) as archive:
            archive.extractall(folder, filter="data")
        self._on_restore()
        return folder

    def close(self) -> None:
        """Remove what ``restore`` wrote."""
        if self._directory is not None:
            folder, lock = self._directory
            self._directory = None
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def _checked(self, figures: Mapping[str, Any]) -> dict[str, float]:
        """Return figures as numbers."""
        known = [*self._metrics, "loss"]
        objective = next(iter(self._metrics))
        if objective not in figures:
            got = ", ".join(f"{name}=" for name in figures) or "neither"
            raise InputError(
                f"report: give predict=, or {objective}=, the question's objective, but got {got}"
            )
        return {name: self._number(name, value, known) for name, value in figures.items()}

    def _number(self, name: str, value: Any, known: list[str]) -> float:
        if name not in known:
            raise InputError(
                f"report: the question records no {name!r}: {suggestion(name, known)}"
            )
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"report: {name} must be a number, but got {value!r}") from error
        metric = METRICS.get(self._metrics.get(name, name))
        if metric is not None:
            low, high = metric.low, metric.high
            if (low is not None and number < low) or (high is not None and number > high):
                ends = [f"{end:g}" if end is not None else "" for end in (low, high)]
                lies = f"{' to '.join(ends) if all(ends) else f'{ends[0]} or more'} {metric.unit}"
                raise InputError(f"report: {name} lies in {lies.strip()}, but got {number:g}")
        return number
