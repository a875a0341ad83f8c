"""One replicate of a training function, in a thread that is paused where trials are compared.

Only one of the threads runs at a time, and the one that drives them waits meanwhile: so the global
generators can be handed from one to the other, and a replicate draws in company what it draws
alone.
"""

from __future__ import annotations

import ctypes
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ibsweep.errors import InputError
from ibsweep.trial.generators import Generators, seed_generators, short_seed
from ibsweep.trial.report import Report, Reported, Stopped
from ibsweep.trial.thread_output import Log, capture_thread_output, release_thread_output

__all__ = ["ReplicateThread"]

_PATIENCE = 10.0
"""Seconds that a function is given to end."""

_REFUSALS = 3
"""How often a function may catch ``Stopped`` and go on before it is held for good."""


class ReplicateThread:
    """A training function that runs for one replicate.

    Args:
        reference: How the question names the function, for messages.
        function: The function.
        config: Its first argument.
        data: Its second.
        seed: The replicate's, which seeds the generators and, shortened, is its third.
        budget: Epochs at which it is stopped.
        metrics: By name in figures, how the question names each; the objective first.
        on_checkpoint: Called with the epoch, the files and the generators of a checkpoint.
        restored: The last of these before the worker was lost.

    Attributes:
        log: What it printed.
        reported: What it reported last, or None.
        ended: Whether it has returned, failed or was stopped.
        fault: Why it failed, or None.
        lost: Whether it could not be ended: it computes on in this process.
    """

    def __init__(
        self,
        reference: str,
        function: Callable[..., Any],
        config: Mapping[str, Any],
        data: Any,
        seed: int,
        budget: int,
        metrics: Mapping[str, str],
        on_checkpoint: Callable[[int, bytes, Generators], None],
        restored: tuple[int, bytes, Generators] | None = None,
    ) -> None:
        self.reference, self.seed = reference, seed
        self.log = Log(f"{seed} | ")
        self.reported: Reported | None = None
        self.ended, self.lost = False, False
        self.fault: str | None = None
        self._function, self._arguments = function, (dict(config), data, short_seed(seed))
        self._budget, self._until = budget, 0
        self._on_reported: Callable[[Reported], None] = lambda reported: None
        self._on_checkpoint = on_checkpoint
        self._go, self._came = threading.Semaphore(0), threading.Semaphore(0)
        self._over = threading.Event()
        self._stopping, self._refusals = False, 0
        self._generators: Generators | None = None
        files = (restored[1], restored[0]) if restored else None
        at_checkpoint = restored[2] if restored else None
        self._report = Report(
            metrics,
            self._end_if_over,
            self._take_report,
            self._take_checkpoint,
            files,
            at_checkpoint.restore if at_checkpoint else lambda: None,
        )
        self._threads = torch.get_num_threads()
        self._thread = threading.Thread(target=self._body, name=f"replicate {seed}", daemon=True)

    def run_to(self, epoch: int, on_reported: Callable[[Reported], None]) -> None:
        """Let it run until it reports an epoch, or a later one, or ends.

        Args:
            epoch: Where it is to be paused.
            on_reported: Called in its thread with everything that it reports.
        """
        if self.ended:
            return
        self._until, self._on_reported = epoch, on_reported
        outside = Generators.now()
        if self._generators is None:
            seed_generators(self.seed)
            self._thread.start()
        else:
            self._generators.restore()
        try:
            self._go.release()
            self._came.acquire()
        finally:
            self._generators = Generators.now()
            outside.restore()

    def close(self) -> None:
        """End it: one that is at its last epoch may return by itself, any other is stopped."""
        if not self.ended and self._generators is not None:
            outside = Generators.now()
            self._generators.restore()
            self._stopping = True
            self._go.release()
            if not self._over.wait(_PATIENCE):
                self._interrupt()
            outside.restore()
        self.ended = True
        self._report.close()

    def _interrupt(self) -> None:
        """Raise ``Stopped`` wherever its thread is, and give up if that does not help."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(Stopped)
        )
        if self._over.wait(_PATIENCE):
            return
        self.lost = True
        self.log.note(
            f"{self.reference} was told to end {2 * _PATIENCE:.0f} s ago and has not: it must not "
            "catch BaseException and go on"
        )

    def _body(self) -> None:
        self._go.acquire()
        capture_thread_output(self.log)
        torch.set_num_threads(self._threads)
        try:
            self._function(*self._arguments, self._report)
            if self._report.fault is not None:
                raise self._report.fault  # an `except` of its own had caught it
            if self.reported is None:
                self.fault = f"{self.reference} returned and has reported nothing"
        except Stopped:
            if self._report.fault is not None and not self._stopping:
                self.fault = self._describe(self._report.fault)
        except BaseException as error:  # noqa: BLE001
            # sys.exit() too: it is to end the trial and not the worker
            if not self._stopping:
                self.fault = self.fault or self._describe(error)
            self.log.note(traceback.format_exc())
        finally:
            release_thread_output()
            self.ended = True
            self._over.set()
            self._came.release()

    def _take_report(self, reported: Reported) -> None:
        self._on_reported(reported)
        self.reported = reported
        last = reported.epoch >= self._budget
        if reported.epoch >= self._until or last:
            release_thread_output()
            self._came.release()
            self._go.acquire()
            capture_thread_output(self.log)
            if self._stopping and not last:
                self._end_if_over()

    def _take_checkpoint(self, files: bytes) -> None:
        if not self._stopping:
            self._on_checkpoint(self._report.epoch, files, Generators.now())

    def _end_if_over(self) -> None:
        if not self._stopping and self._report.fault is None:
            return
        self._refusals += 1
        if self._refusals > _REFUSALS:
            # It caught every one: it is held here, where it computes nothing and is no burden.
            self.log.note(
                f"{self.reference} caught what was to end it {_REFUSALS} times and reported on: "
                "it must not catch BaseException and go on"
            )
            if self._report.fault is not None:
                self.fault = self._describe(self._report.fault)
            release_thread_output()
            self.ended = True
            self._over.set()
            self._came.release()
            threading.Event().wait()
        raise Stopped

    def _describe(self, error: BaseException) -> str:
        """Say what went wrong, with the last line of the user's own code."""
        frames = traceback.extract_tb(error.__traceback__)[1:]
        package = str(Path(__file__).parents[1])
        own = [f for f in frames if not f.filename.startswith(package)]
        source = getattr(getattr(self._function, "__code__", None), "co_filename", None)
        folder = Path(source).parent if source else None
        nearest = [f for f in own if folder and Path(f.filename).is_relative_to(folder)] or own
        where = f"{Path(nearest[-1].filename).name}:{nearest[-1].lineno}" if nearest else ""
        line = f"`{nearest[-1].line}`: " if nearest and nearest[-1].line else ""
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        text = f"{kind}{error}".rstrip(": ").replace("\n", " ")
        return f"{self.reference}: {f'{where}: ' if where else ''}{line}{text}"
