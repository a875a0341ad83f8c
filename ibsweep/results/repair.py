"""A sweep's files made ready to be added to, whatever stopped the process that wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ibsweep.results.journal import rewrite_rows
from ibsweep.results.layout import FORMAT
from ibsweep.results.records import Confirmation, Proposal, Trial
from ibsweep.results.working_files import remove_working_files

if TYPE_CHECKING:
    from ibsweep.results.store import SweepStore

__all__ = ["repair", "set_of"]


def repair(store: SweepStore) -> None:
    """Make the files of a sweep ready for appending after a stop at any moment.

    Torn tails are cut off; a sweep of an older format becomes one of this. What was finished
    without a proposal gets its own again. Curves of trials that did not finish are dropped, and
    confirmations that lack a replicate: those start again. So are confirmations of a trial of
    which nothing else is left: nobody knows its configuration, and its number goes to another.

    Args:
        store: The sweep, held by this process.

    Raises:
        SweepError: If a line cannot be counted on.
    """
    paths, manifest = store.paths, store.manifest
    trials = store.trials()
    proposals = _with_unproposed(store.proposals(), trials)
    finished = {row.trial for row in trials}
    curves = [row for row in store.curves() if row.trial in finished]
    known = {row.trial for row in proposals}
    confirmations = [row for row in store.confirmations() if row.trial in known]
    replicates = Counter(map(set_of, confirmations))

    def is_complete(row: Confirmation) -> bool:
        return replicates[set_of(row)] >= manifest.planned_replicates(row.purpose)

    complete = list(filter(is_complete, confirmations))
    arm = manifest.question["arms"][manifest.arm]
    own = arm.get("train_size", arm.get("images"))
    sizes = {row.trial: row.config.get("train_size", own) for row in trials}
    if any(
        row.train_size == sizes.get(row.trial, own) and not is_complete(row)
        for row in confirmations
    ):
        # which trial is best is to be decided again, once they are complete
        paths.best_config.unlink(missing_ok=True)
    for path, rows in (
        (paths.proposals, proposals),
        (paths.trials, trials),
        (paths.curves, curves),
        (paths.confirmations, complete),
    ):
        rewrite_rows(path, rows, manifest.seal)
    if manifest.format != FORMAT:
        # not before its lines have seals: without them they would pass for damaged
        store.update_manifest(manifest.model_copy(update={"format": FORMAT}))
    remove_working_files(store)


def _with_unproposed(proposals: Sequence[Proposal], trials: Iterable[Trial]) -> list[Proposal]:
    """Return proposals with those whose line is gone while their trial's is there, by number."""
    found = {row.trial: row for row in proposals}
    for row in trials:
        if row.trial not in found:
            own = {"trial": row.trial, "origin": row.origin, "config": row.config}
            found[row.trial] = Proposal(**own)
    return [found[number] for number in sorted(found)]


def set_of(row: Confirmation) -> tuple[int, int, str | None]:
    """Return what tells sets of fresh replicates apart."""
    return row.trial, row.train_size, row.purpose
