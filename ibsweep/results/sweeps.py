"""Which sweeps a results directory holds: by the names in their manifests, each of them once.

A directory that was copied says of itself that it is the sweep which it was copied from. Whatever
it is called, it does not count a second time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ibsweep.errors import IbsweepError, InputError, listed
from ibsweep.paths import is_directory
from ibsweep.results.location import display_path
from ibsweep.results.names import check_name, is_name
from ibsweep.results.records import Proposal
from ibsweep.results.store import SweepStore

__all__ = ["StoredSweeps", "find_sweep", "find_sweeps", "list_sweeps"]


@dataclass(frozen=True)
class StoredSweeps:
    """The sweeps of a results directory.

    Attributes:
        stores: Each sweep once, by its name, sorted by directory.
        left_out: Why a directory does not count, by its name.
    """

    stores: dict[str, SweepStore] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def leave_out(self, name: str, why: str) -> None:
        """Note why a sweep, or a directory, does not count; one may have the name of the other."""
        before = self.left_out.get(name)
        self.left_out[name] = why if before is None else f"{before}\n{why}"

    def hint(self, name: str, results: Path) -> str:
        """Return why there is no sweep of a name in a results directory, and what there is."""
        if name in self.left_out:
            return self.left_out[name]
        named = [known for known, store in self.stores.items() if store.paths.root.name == name]
        if named:
            return f"{results / name} is the directory of sweep {named[0]!r}: use that name"
        there = f"there are {listed(self.stores)}" if self.stores else "there are none yet"
        if self.left_out:
            there = there.removesuffix(" yet")
            there += f"; what cannot be read is in {listed(self.left_out)}"
        return f"no sweep named {name!r} in {display_path(results)}: {there}"


def find_sweeps(results: Path) -> StoredSweeps:
    """Return the sweeps of a results directory.

    Of several directories with one sweep's name the one counts that is called so, else the first.

    Raises:
        InputError: If the directory cannot be read.
    """
    found = StoredSweeps()
    directories = list_sweeps(results)
    found.left_out.update(_without_manifest(results, {path.name for path in directories}))
    found.left_out.update(_out_of_reach(results))
    for directory in directories:
        try:
            store = SweepStore(directory)
        except IbsweepError as error:
            found.leave_out(directory.name, str(error))
            continue
        name = store.manifest.name
        known = found.stores.get(name)
        if known is None:
            found.stores[name] = store
        elif directory.name == name:
            found.stores[name] = store
            found.leave_out(known.paths.root.name, _other(known, store))
        else:
            found.leave_out(directory.name, _other(store, known))
    return found


def _other(store: SweepStore, counts: SweepStore) -> str:
    """Return why a directory of a sweep does not count where another one does."""
    name, root = store.manifest.name, store.paths.root
    if store.manifest.created == counts.manifest.created:
        proposals = store.journal(Proposal)
        if proposals.damage and not proposals.rows:
            return (
                f"{root} has the manifest of sweep {name!r}, which is in {counts.paths.root}, "
                "beside records of another sweep: put its own manifest.json back"
            )
        return (
            f"{root} is a copy of sweep {name!r}, which counts once, in {counts.paths.root}: "
            "keep copies outside the results directory"
        )
    return (
        f"{root} holds another sweep of the name {name!r} that {counts.paths.root} has: keep it "
        "in a results directory of its own"
    )


def _without_manifest(results: Path, known: set[str]) -> dict[str, str]:
    """Return the directories that hold a sweep's records and not what they are of."""
    found = {}
    for journal in ("proposals.jsonl", "trials.jsonl", "confirmations.jsonl"):
        for path in results.glob(f"[!.]*/{journal}"):
            if path.parent.name not in known:
                found[path.parent.name] = (
                    f"{path.parent} has records and no manifest.json, which says what they are of"
                )
    return dict(sorted(found.items()))


def _out_of_reach(results: Path) -> dict[str, str]:
    """Return what may be a sweep, and nobody can tell: a link to nowhere, another user's."""
    found = {}
    for path in sorted(results.iterdir()) if is_directory(results) else ():
        if not is_name(path.name):
            continue
        try:
            closed = is_directory(path) and not os.access(path, os.R_OK | os.X_OK)
        except InputError as error:
            found[path.name] = str(error)
            continue
        if closed:
            found[path.name] = f"{path} cannot be read: permission denied"
        elif path.is_symlink() and not path.exists():
            found[path.name] = f"{path} is a link to what is not there"
    return found


def find_sweep(results: Path, name: str) -> SweepStore:
    """Open a sweep by its name, whatever its directory is called.

    Raises:
        InputError: If there is none, or it cannot be read; says what there is.
    """
    root, why = results / check_name(name), None
    if is_directory(root):
        try:
            store = SweepStore(root)
        except IbsweepError as error:
            why = error
        else:
            if store.manifest.name == name:
                return store
    found = find_sweeps(results)
    if name in found.stores:
        return found.stores[name]
    raise why or InputError(found.hint(name, results))


def list_sweeps(results: Path) -> list[Path]:
    """Return the directories of the stored sweeps, by name.

    Raises:
        InputError: If the results directory cannot be read.
    """
    if not is_directory(results):
        return []
    if not os.access(results, os.R_OK | os.X_OK):  # else it would pass for an empty one
        raise InputError(f"{display_path(results)} cannot be read: permission denied")
    return sorted(path.parent for path in results.glob("[!.]*/manifest.json"))
