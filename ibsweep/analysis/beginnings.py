"""What a sweep begins with, in words: knowledge of earlier sweeps, and what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ibsweep.results.manifest import Manifest

__all__ = ["earlier_notes"]


def earlier_notes(manifest: Manifest) -> list[str]:
    """Return, in words, what a sweep took from earlier ones and what it was given to try first."""
    notes = [_words(one) for one in manifest.earlier]
    if count := len(manifest.enqueued):
        notes.append(f"{_counted(count, 'configuration')} given to be tried first")
    return notes


def _words(one: Mapping[str, Any]) -> str:
    observed: Sequence[Any] = one.get("observations") or ()
    first = len(one["configs"])
    what = "its best configuration" if first == 1 else f"its {first} best configurations"
    if observed:
        taken = f"{_counted(len(observed), 'trial')} as observations, {what} tried first"
    else:
        names = listed(dict.fromkeys(name for config in one["configs"] for name in config))
        taken = f"{what} tried first, of it {names}"
    why = f" ({one['why']})" if "why" in one else ""
    return f"from {one['sweep']} {taken}{why}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
