"""One machine at a time writes a sweep at a URL."""

from __future__ import annotations

import json

import pytest
from machines import begin, mirror, numbers

from ibsweep.errors import InputError
from ibsweep.results import lease
from ibsweep.results import mirror as mirror_module


def test_a_sweep_that_another_machine_runs_is_refused_at_the_start(tmp_path, there, monkeypatch):
    first = mirror(there, tmp_path / "a")
    begin(tmp_path / "a")
    with first.lease("s"):
        second = mirror(there, tmp_path / "b")
        assert second.is_leased_elsewhere("s")
        with (
            pytest.raises(InputError, match=r"s3://bucket/results/s is being run on .*; wait"),
            second.lease("s"),
        ):
            raise AssertionError("both run it")
        with first.lease("another"):
            pass
    assert numbers(there / "results") == [0, 1, 2], "given up only when all of it is there"
    second.pull()
    assert not second.is_leased_elsewhere("s")
    with second.lease("s"):
        pass
    # a machine that died says nothing any more
    first._leases.acquire("s")
    monkeypatch.setattr(lease, "_EXPIRY_SECONDS", 0.05)
    first._stop.wait(0.1)
    with second.lease("s"):
        monkeypatch.undo()
        second.push()
        first.pull()
        assert first.is_leased_elsewhere("s")
    assert list((there / "results/.running").iterdir()) == []


def test_a_lease_is_renewed_while_a_sweep_runs(tmp_path, there, monkeypatch):
    monkeypatch.setattr(mirror_module, "_PUSH_SECONDS", 0.01)
    monkeypatch.setattr(lease, "_RENEW_SECONDS", 0.01)
    one = mirror(there, tmp_path / "a")
    lease_file = there / "results/.running/s"
    one.start()
    with one.lease("s"):
        first = json.loads(lease_file.read_text())["time"]
        for _ in range(500):
            one._stop.wait(0.02)
            if json.loads(lease_file.read_text() or '{"time": 0}')["time"] > first:
                break
        else:
            raise AssertionError("it is never renewed")
    one._stop.wait(0.1)
    assert not lease_file.exists(), "the thread does not bring it back"
    one.close()
