"""Whether a sweep's records are sound: what `load`, `resume`, `settle` and `check` ask.

The records are the truth, so they are checked as a whole: every row by itself (``row_checks``),
and all of them against the manifest, each other and ``best.yaml`` (``cross_checks``). Where only
one reading is possible it is taken and said; anything else keeps a sweep from counting at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.best_checks import best_faults
from ibsweep.analysis.best_file import read_best
from ibsweep.analysis.cross_checks import CrossChecks, listed
from ibsweep.analysis.row_checks import RowChecks
from ibsweep.analysis.summary import SweepSummary, confirmed_trials, summarise_rows
from ibsweep.errors import SweepError
from ibsweep.questions.files import question_from_manifest
from ibsweep.results.damage import REMOVE_LINE, Damage, damage_text
from ibsweep.results.reading import OF_OTHERS, TORN, Journal, Row
from ibsweep.results.records import Confirmation, Curve, Proposal, Trial
from ibsweep.results.spent import spent_damage

if TYPE_CHECKING:
    from ibsweep.questions.schema import Question
    from ibsweep.results.store import SweepStore

__all__ = ["CheckedSweep", "check_curves", "check_sweep"]

_FEW = 3
"""Lines that can all be wrong each for itself."""


@dataclass(frozen=True)
class CheckedSweep:
    """A sweep's records as they count, and what is wrong with them.

    Attributes:
        store: The sweep.
        question: Its question.
        trials: Its finished trials, in the order in which they finished.
        confirmations: Its confirmed replicates, but for those of a set that is to be completed.
        damage: What is wrong.
    """

    store: SweepStore
    question: Question
    trials: tuple[Trial, ...]
    confirmations: tuple[Confirmation, ...]
    damage: tuple[Damage, ...]

    @property
    def faults(self) -> list[Damage]:
        """What keeps it from counting."""
        return [one for one in self.damage if one.remedy != "none"]

    @property
    def notes(self) -> list[Damage]:
        """What was read in the only way that is possible."""
        return [one for one in self.damage if one.remedy == "none"]

    def summary(self) -> SweepSummary:
        """Return what it found.

        Raises:
            SweepError: If something keeps it from counting.
        """
        self.require_sound()
        return summarise_rows(self.store, self.trials, self.confirmations, self.question)

    def require_sound(self) -> None:
        """Go on where it counts.

        Raises:
            SweepError: If something keeps it from counting, with all of it.
        """
        if self.faults:
            raise SweepError(damage_text(self.faults))


def check_sweep(store: SweepStore) -> CheckedSweep:
    """Check a sweep's proposals, trials, confirmations and ``best.yaml``.

    Another process may be writing it: what is written last is read first.

    Args:
        store: The sweep.

    Raises:
        InputError: If its manifest holds no question any more.
    """
    best = store.paths.best_config
    document = read_best(best) if os.path.lexists(best) else None
    confirmations = store.journal(Confirmation)
    trials = store.journal(Trial)
    proposals = store.journal(Proposal)
    by_number = {row.trial: row for row in trials.rows.values()}
    if max(by_number, default=-1) >= store.manifest.trials:
        store.read_again()  # it was extended since it was found
    manifest, running = store.manifest, store.is_running() and not store.is_held
    question = question_from_manifest(manifest.question, store.paths.manifest)
    arm = question.arms[manifest.arm]
    rows = RowChecks(manifest, question, arm)
    if foreign := _foreign(store, (proposals, trials, confirmations)):
        return CheckedSweep(store, question, (), (), (foreign,))
    damage = [
        *_name(store),
        *filter(None, [spent_damage(store)]),
        *_row_faults(store.paths.proposals, proposals, rows.proposal),
        *_row_faults(store.paths.trials, trials, rows.trial),
        *_row_faults(
            store.paths.confirmations, confirmations, lambda row: rows.confirmation(row, by_number)
        ),
    ]
    check = CrossChecks(store, arm, proposals, trials, confirmations, done=document is not None)
    damage += check.unproposed()
    damage += check.unknown()
    counted, found = check.complete_sets()
    damage += found
    if document is not None and all(one.remedy == "none" for one in damage):
        damage += check.gaps(document)
        if isinstance(document, str):
            text = f"{document}; {check.resume} writes it anew"
            damage.append(Damage(best, None, text, "resume"))
        else:
            ranked = confirmed_trials(by_number, counted, question, arm)
            chosen = ranked[0] if ranked and ranked[0].rows else None
            if not running:  # which may be about to write it
                damage += best_faults(store, document, chosen, len(by_number))
    if running:
        damage = [one for one in damage if one.text != TORN]
    order = tuple(trials.rows.values())
    return CheckedSweep(store, question, order, tuple(counted), tuple(damage))


def check_curves(checked: CheckedSweep) -> tuple[list[Curve], list[Damage]]:
    """Return a sweep's curves, in order, and what is wrong with them.

    Nothing is computed from curves; where a line of them is wrong, a sweep counts without any.

    Args:
        checked: The sweep.
    """
    store, question = checked.store, checked.question
    if any(one.path == store.paths.manifest for one in checked.damage):
        return [], []  # nothing is known of them
    journal, path = store.journal(Curve), store.paths.curves
    rows = RowChecks(store.manifest, question, question.arms[store.manifest.arm])
    finished = {row.trial: row for row in checked.trials}
    damage = list(_row_faults(path, journal, rows.curve))
    if any(one.remedy == "remove" for one in damage):
        return [], damage
    # the curves of others were cut short and start again
    curves = [row for row in journal.rows.values() if row.trial in finished]
    there = {(row.trial, row.epoch) for row in curves}
    gone = {
        number: missing
        for number, row in finished.items()
        if (missing := [epoch for epoch, _ in row.rungs if (number, epoch) not in there])
    }
    damage += [
        Damage(path, None, f"trial {number} lacks {listed(missing, 'epoch')}", "none")
        for number, missing in sorted(gone.items())
    ]
    return sorted(curves, key=lambda row: (row.trial, row.epoch)), damage


def _row_faults(
    path: Path, journal: Journal[Row], check: Callable[[Row], Iterator[str]]
) -> Iterator[Damage]:
    """Yield what is wrong with a journal, line by line."""
    yield from journal.damage
    for line, row in journal.rows.items():
        for text in check(row):
            yield Damage(path, line, f"cannot be: {text}{REMOVE_LINE}")


def _foreign(store: SweepStore, journals: Iterable[Journal[Any]]) -> Damage | None:
    """Return that no line was written under the manifest: what is wrong is this, not the lines."""
    if any(journal.rows for journal in journals):
        return None
    lines = sum(one.text.endswith(OF_OTHERS) for journal in journals for one in journal.damage)
    if lines < _FEW:
        return None
    text = (
        f"is not of the records beside it: none of their {lines} lines has the name and the time "
        "of its making in its checksum; put the sweep's own manifest back"
    )
    return Damage(store.paths.manifest, None, text)


def _name(store: SweepStore) -> Iterator[Damage]:
    name, root = store.manifest.name, store.paths.root
    if root.absolute().name != name:  # a link to elsewhere is called as it is here
        text = f"is the directory of sweep {name!r}, and counts under that name"
        yield Damage(root, None, text, "none")
