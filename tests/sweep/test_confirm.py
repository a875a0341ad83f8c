"""What the driver does before workers train a confirmation; Ray is not started."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tiny

from ibsweep.errors import SweepError
from ibsweep.models import backend
from ibsweep.results.store import SweepStore
from ibsweep.sweep.confirm import confirm
from ibsweep.sweep.progress import Progress


def test_kernels_that_fail_in_the_driver_are_noted_once_a_sweep(tmp_path, monkeypatch):
    """A sweep that only confirms trains no trial, so no worker tells of it."""

    def no_workers(*_):
        raise SweepError("no workers")

    monkeypatch.setattr("ibsweep.sweep.fresh_replicates.run_tasks", no_workers)
    monkeypatch.setattr(backend, "_error", AttributeError("it is gone"))
    store, question = SweepStore.create(tmp_path, tiny.manifest(trials=2)), tiny.question()
    for number in range(2):
        store.add_trial(tiny.trial(number), [tiny.curve(number, 20)])
    progress, notes = Progress(), []
    monkeypatch.setattr(progress, "note", notes.append)
    progress.sweep_started(store.manifest, question.objective, store.trials())
    for _ in range(2):
        with pytest.raises(SweepError, match="no workers"):
            confirm(store, question, tiny.arm(), progress, SimpleNamespace(slots=lambda: 2), None)
    (line,) = notes
    assert line.startswith("tiny: Numba cannot compile the kernels")
    assert "AttributeError: it is gone" in line
