"""The sweeps of one command, which holds all of them from its beginning on."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from ibsweep.errors import IbsweepError, InputError, SweepError
from ibsweep.results.store import SweepStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ibsweep.results.manifest import Manifest

__all__ = ["created_sweeps", "held_sweeps"]


@contextmanager
def created_sweeps(results: Path, manifests: Sequence[Manifest]) -> Iterator[list[SweepStore]]:
    """Make the directories of new sweeps for a block that runs them, and hold them all.

    All of them or none, as half of them would be in the way; and none where the block refuses,
    or fails in a way that nobody foresaw, before anything was proposed. The block may give back
    what it has finished.

    Args:
        results: The directory of the sweeps' directories.
        manifests: The sweeps' manifests.

    Raises:
        IbsweepError: As ``SweepStore.create`` does, and what the block raises.
    """
    stores: list[SweepStore] = []
    try:
        for manifest in manifests:
            stores.append(SweepStore.create_held(results, manifest))
        yield stores
    except Exception as error:
        created = len(stores) == len(manifests)
        refused = isinstance(error, InputError) or not isinstance(error, IbsweepError)
        begun = created and (not refused or any(store.proposals() for store in stores))
        if not begun:
            for store in stores:
                with suppress(SweepError):  # why the block refused is what matters
                    store.remove()
        raise
    finally:
        for store in stores:
            store.release()


@contextmanager
def held_sweeps(stores: Iterable[SweepStore]) -> Iterator[None]:
    """Hold sweeps for a block, all of them or none; it may give back what it has finished.

    Raises:
        InputError: If another process runs one of them.
        SweepError: If a directory cannot be written.
    """
    with ExitStack() as stack:
        for store in stores:
            store.hold()
            stack.callback(store.release)
        yield
