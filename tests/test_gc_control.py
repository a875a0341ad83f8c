"""The garbage collector around large imports, in a process of ours and in one of the user's."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from ibsweep.gc_control import gc_paused


def test_nothing_is_collected_in_the_block_and_everything_after_it() -> None:
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_failed_import_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), gc_paused():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def printed(code: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", f"import gc; {code}"], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


IMPORT = "import ibsweep.sweep.trainable"
FREEZE = "from ibsweep.gc_control import freeze_imports; freeze_imports()"


def test_what_our_own_processes_import_is_walked_over_no_more() -> None:
    before = printed(f"{FREEZE}; {IMPORT}; print(len(gc.get_objects()))")
    assert before < 10_000  # of some 400,000
    after = printed(f"{IMPORT}; {FREEZE}; print(len(gc.get_objects()))")
    assert after < 10_000


def test_nothing_is_frozen_in_a_process_that_may_be_the_users() -> None:
    assert printed(f"{IMPORT}; print(gc.get_freeze_count())") == 0
    assert printed(f"{IMPORT}; print(len(gc.get_objects()))") > 100_000


def test_what_an_import_left_is_old_at_once() -> None:
    assert printed(f"{IMPORT}; print(len(gc.get_objects(generation=0)))") < 10_000


def test_what_the_user_has_frozen_stays_frozen() -> None:
    code = "gc.collect(); gc.freeze(); n = gc.get_freeze_count(); "
    code += "from ibsweep.gc_control import gc_paused\nwith gc_paused(): pass\n"
    code += "print(gc.get_freeze_count() - n)"
    assert abs(printed(code)) < 100, "as many, but for what went away by itself"


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
def test_rays_workers_freeze_what_they_have_imported() -> None:
    from ibsweep.cluster.nodes import Nodes
    from ibsweep.cluster.pool import run_tasks

    def frozen(share: object) -> int:
        return gc.get_freeze_count()

    nodes = Nodes({"CPU": 1.0}, print)
    ((_, count),) = run_tasks([1], frozen, lambda task: (), str, nodes, print)
    assert count > 10_000
