"""Sweeps that go on: what is checked first, and what is written down of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ibsweep.errors import InputError
from ibsweep.results.held_sweeps import held_sweeps
from ibsweep.sweep.extend import Extension, extension
from ibsweep.sweep.further import Further
from ibsweep.sweep.manifest import resumption
from ibsweep.sweep.mend import mend
from ibsweep.sweep.own import check_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ibsweep.results.store import SweepStore

__all__ = ["resumed"]


@contextmanager
def resumed(
    stores: Sequence[SweepStore],
    command: Sequence[str],
    *,
    further: Further | None = None,
    address: str | None = None,
) -> Iterator[None]:
    """Hold sweeps for a block that runs them, and write into their manifests that they go on.

    All are checked before anything is written. Where the block refuses to run them they are as
    they were.

    Args:
        stores: The sweeps; a finished one that is not extended stays finished.
        command: The command line, for the record.
        further: What each of them is to have; by default what it was to have.
        address: The Ray cluster to go on in, ``local`` for this machine, None for as before.

    Raises:
        InputError: If another process runs one, code or data have changed, or an extension would
            add nothing.
        SweepError: If records of one cannot be counted on.
    """
    asked, names = further or Further(), [store.manifest.name for store in stores]
    with held_sweeps(stores):
        extensions: dict[str, Extension | None] = {}
        for store in stores:
            mend(store)
            extensions[store.manifest.name] = extension(store, asked, command, names)
        for store in stores:
            if extensions[store.manifest.name] or not store.paths.best_config.exists():
                check_unchanged(store)
        before = [store.manifest.address for store in stores]
        for store in stores:
            if (extended := extensions[store.manifest.name]) is not None:
                extended.write()
            entry = (*store.manifest.resumed, resumption(command))
            update: dict[str, Any] = {"resumed": entry}
            if address is not None:
                update["address"] = None if address == "local" else address
            store.update_manifest(store.manifest.model_copy(update=update))
        try:
            yield
        except InputError:  # it was refused there: next time it is to go where it went before
            for store, old in zip(stores, before, strict=True):
                with store.lock():
                    store.update_manifest(store.manifest.model_copy(update={"address": old}))
                    if (extended := extensions[store.manifest.name]) is not None:
                        extended.undo()
            raise
