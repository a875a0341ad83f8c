"""An object store that refuses at random, as a fake in this process: nothing finished is lost."""

from __future__ import annotations

import random

import chaos
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import add, begin, numbers
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ibsweep.errors import IbsweepError
from ibsweep.results.mirror import Mirror
from ibsweep.results.remote import RemoteDirectory
from ibsweep.results.store import SweepStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200, method="thread")]


class Refusing(SubTreeFileSystem):
    """A file system that refuses now and then."""

    draws: random.Random
    share: float

    def _may_refuse(self, what):
        if self.draws.random() < self.share:
            chaos.tally["refusals of an object store"] += 1
            raise OSError(f"{what}: SlowDown, please reduce your request rate")

    def get_file_info(self, *given):
        self._may_refuse("HEAD")
        return super().get_file_info(*given)

    def open_input_stream(self, *given, **named):
        self._may_refuse("GET")
        return super().open_input_stream(*given, **named)

    def open_output_stream(self, *given, **named):
        self._may_refuse("PUT")
        return super().open_output_stream(*given, **named)

    def create_dir(self, *given, **named):
        self._may_refuse("PUT of a folder")
        return super().create_dir(*given, **named)

    def delete_file(self, *given):
        self._may_refuse("DELETE")
        return super().delete_file(*given)

    def delete_dir(self, *given):
        self._may_refuse("DELETE of a folder")
        return super().delete_dir(*given)


def test_an_object_store_that_refuses_at_random(tmp_path_factory, findings):
    over = chaos.clock()

    @chaos.examples("stores")
    @given(st.integers(0, 2**32))
    def runs(drawn):
        if over():
            return
        draws = random.Random(f"{chaos.seed()} {drawn}")
        folder = tmp_path_factory.mktemp("stores")
        (folder / "there").mkdir()
        filesystem = Refusing(str(folder / "there"), LocalFileSystem())
        filesystem.draws, filesystem.share = draws, 0.0

        def mirror(machine):
            there = RemoteDirectory(filesystem, "results", "s3://bucket/results")
            made = Mirror(there, folder / machine)
            made.pull()
            return made

        machine = "a"
        end = ending(folder, mirror)
        here = mirror(machine)
        begin(folder / machine, trials=1)
        finished, history = [0], []
        for number in range(1, draws.randint(3, 12)):
            clean = turn(here, folder / machine, number, finished, history)
            if draws.random() < 0.4:  # the process dies, and another begins
                clean = False
                refused(findings, mirror, machine, history)
            filesystem.share = 0.0
            if clean and draws.random() < 0.4:
                here.push()
                machine = "b" if machine == "a" else "a"
            here = mirror(machine)
        end(machine, finished, history)

    def turn(here, copy, number, finished, history):
        """Finish a trial and bring it to the URL; return whether nothing was refused."""
        here.remote.filesystem.share = here.remote.filesystem.draws.choice((0.0, 0.1, 0.3, 0.9))
        try:
            with here.lease("s"):
                add(SweepStore(copy / "s"), [number])
                finished.append(number)
                here.push()
        except (IbsweepError, OSError) as error:
            history.append(f"{number} in {copy.name}: {str(error)[:100]}")
            return False
        history.append(f"{number} in {copy.name}")
        return not here.is_leased_elsewhere("s")

    def ending(folder, mirror):
        def end(machine, finished, history):
            example = f"CHAOS_SEED={chaos.seed()} {history}"
            try:
                mirror(machine).push()
                mirror("b" if machine == "a" else "a")
            except IbsweepError as error:
                findings.add(f"does not go on: {str(error)[:120]}", example)
                return
            chaos.tally["runs over an object store that refuses"] += 1
            for where in ("a", "b", "there/results"):
                if sorted(numbers(folder / where)) != finished:
                    findings.add("a finished trial is lost", f"{where}: {example}")

        return end

    runs()
    findings.check()
    chaos.require("stores", chaos.tally["runs over an object store that refuses"], over)


def refused(findings, mirror, machine, history):
    """Begin where the URL may refuse: in words."""
    try:
        mirror(machine)
    except IbsweepError:
        pass
    except Exception as error:  # noqa: BLE001
        findings.add(f"{type(error).__name__}: {error}"[:150], str(history))
