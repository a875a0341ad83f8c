"""What is wrong with stored records: where, what was made of it, and what helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = ["REMOVE_LINE", "Damage", "Remedy", "damage_lines", "damage_text"]

_SHOWN = 20
"""Faults of one file that a message lists."""

REMOVE_LINE = "; remove that line to go on without it"
"""What a message ends with where a line must be taken out."""

Remedy = Literal["none", "resume", "remove"]
"""What helps against damage: nothing has to, since only one reading is possible; ``ibsweep
resume`` does it; or somebody has to take a line or a file out."""


class Damage(NamedTuple):
    """One thing that is wrong with stored records.

    Attributes:
        path: The file.
        line: Its line, from 1; None where it is the file or its name.
        text: What is wrong, and what was made of it.
        remedy: What helps.
    """

    path: Path
    line: int | None
    text: str
    remedy: Remedy = "remove"

    def __str__(self) -> str:
        where = f"{self.path}: " if self.line is None else f"{self.path}: line {self.line} "
        return f"{where}{self.text}"


def damage_lines(damage: Iterable[Damage]) -> list[str]:
    """Return damage as lines; what is wrong with several lines of a file is said once."""
    alike: dict[tuple[Path, str, bool], list[Damage]] = {}
    for one in damage:
        alike.setdefault((one.path, one.text, one.line is None), []).append(one)
    found = []
    for (path, text, _), them in alike.items():
        numbers = [one.line for one in them if one.line is not None]
        if len(numbers) > 1:
            found.append(f"{path}: lines {_ranges(sorted(numbers))}: each {text}")
        else:
            found += map(str, them)
    return found


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers in words, such as ``1-4, 7``, cut where there are many."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    shown = ["-".join(map(str, run)) for run in runs[:_SHOWN]]
    return ", ".join(shown + (["..."] if len(runs) > _SHOWN else []))


def damage_text(damage: Iterable[Damage]) -> str:
    """Return damage as lines of a message, cut where there are many."""
    lines = damage_lines(damage)
    more = [f"and {len(lines) - _SHOWN} more like these"] if len(lines) > _SHOWN else []
    return "\n".join(lines[:_SHOWN] + more)
