"""What a sweep's records say of each other: proposals, trials and confirmations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ibsweep.results.damage import REMOVE_LINE, Damage
from ibsweep.results.extent import resume_words
from ibsweep.results.reading import Journal
from ibsweep.results.records import Confirmation, Proposal, Trial, TrialState
from ibsweep.results.repair import set_of

if TYPE_CHECKING:
    from ibsweep.questions.schema import Arm
    from ibsweep.results.store import SweepStore

__all__ = ["CrossChecks", "listed"]


class CrossChecks:
    """The records of a sweep against each other."""

    def __init__(
        self,
        store: SweepStore,
        arm: Arm,
        proposals: Journal[Proposal],
        trials: Journal[Trial],
        confirmations: Journal[Confirmation],
        *,
        done: bool,
    ) -> None:
        self._store, self._arm, self._done = store, arm, done
        self._proposals, self._trials, self._confirmations = proposals, trials, confirmations
        self._trial = {row.trial: row for row in trials.rows.values()}
        self.resume = resume_words(store)

    def unproposed(self) -> Iterator[Damage]:
        """Yield trials that are not what was proposed, and numbers of which there is nothing."""
        path, proposed = self._store.paths.proposals, {}
        for row in self._proposals.rows.values():
            proposed[row.trial] = row
        for line, trial in self._trials.rows.items():
            own = proposed.get(trial.trial)
            if own is None:
                text = f"trial {trial.trial} is not there; it is known from trials.jsonl"
                yield Damage(path, None, text, "none")
            elif (own.config, own.origin) != (trial.config, trial.origin):
                text = f"is not what was proposed as trial {trial.trial}{REMOVE_LINE}"
                yield Damage(self._store.paths.trials, line, text)
        numbers = proposed.keys() | self._trial.keys()
        gone = sorted(set(range(max(numbers, default=-1) + 1)) - numbers)
        if gone:
            text = f"{listed(gone, 'trial')} of {self._store.manifest.trials} is in no line"
            yield Damage(path, None, text, "none")

    def unknown(self) -> Iterator[Damage]:
        """Yield fresh replicates of trials of which there is nothing else, or no result.

        Replicates are trained when the search is over.
        """
        proposed = {row.trial for row in self._proposals.rows.values()}
        confirmed = {row.trial for row in self._confirmations.rows.values()} - self._trial.keys()
        if stray := sorted(confirmed - proposed):
            text = f"has replicates of {listed(stray, 'trial')}, of which there is nothing else"
            text += f"; {self.resume} leaves them out and tries others in their place"
            yield Damage(self._store.paths.confirmations, None, text, "none")
        gone, extended = confirmed & proposed, self._store.manifest.extended
        if self._done or not (gone or extended):
            return  # ``gaps`` says it, of a sweep that is done
        if gone:
            text = f"lacks {listed(sorted(gone), 'trial')}, of which there are fresh replicates"
            text += f"; {self.resume} trains what is missing"
            yield Damage(self._store.paths.trials, None, text, "none")
        elif (done := extended[-1]["done"]) > len(self._trial):
            text = f"has {len(self._trial)} trials, and {done} were done when it was extended"
            text += f"; {self.resume} trains what is missing"
            yield Damage(self._store.paths.trials, None, text, "none")

    def complete_sets(self) -> tuple[list[Confirmation], list[Damage]]:
        """Return the replicates that count, and what is wrong with sets of them.

        Replicates of one trial at one training-set size are written together. Where the sweep is
        done, one that is gone would make a mean of fewer.
        """
        rows = self._confirmations.rows
        if not self._done:
            return list(rows.values()), []
        counts = Counter(map(set_of, rows.values()))
        counted, lacking = [], {}
        for row in rows.values():
            found = counts[set_of(row)]
            planned = self._store.manifest.planned_replicates(row.purpose)
            if found < planned:
                lacking[set_of(row)] = found, planned
            if found >= planned or row.train_size == self._own_size(row.trial):
                counted.append(row)
        return counted, [self._lacking(*one, *counts) for one, counts in lacking.items()]

    def _own_size(self, trial: int) -> int:
        """Return the size of the training set that a trial had in its sweep."""
        row = self._trial.get(trial)
        return self._arm.size_of(row.config if row else {})

    def _lacking(
        self, trial: int, size: int, purpose: str | None, found: int, planned: int
    ) -> Damage:
        what = f"trial {trial} at {size} has {found} of {planned} {purpose or 'fresh'} replicates"
        path = self._store.paths.confirmations
        if size == self._own_size(trial):
            return Damage(path, None, f"{what}; {self.resume} trains the others", "resume")
        return Damage(path, None, f"{what}, and is left out until all are trained", "none")

    def gaps(self, document: Mapping[str, object] | str) -> Iterator[Damage]:
        """Yield what a sweep that is done must have, and has not.

        Args:
            document: What is in ``best.yaml``.
        """
        paths, known = self._store.paths, self._trial
        again = f"{self.resume} trains what is missing"
        proposed = {row.trial for row in self._proposals.rows.values()}
        missing = {row.trial for row in self._confirmations.rows.values()} - known.keys()
        count = document.get("trials") if isinstance(document, Mapping) else None
        if isinstance(count, int):
            # where the time was over, what was proposed may never have been trained
            if len(known) < count:
                missing |= proposed - known.keys()
                text = f"has {len(known)} of the {count} trials of which best.yaml names the best"
                gone = f": there is no {listed(sorted(missing), 'trial')}" if missing else ""
                yield Damage(paths.trials, None, f"{text}{gone}; {again}", "resume")
                missing = set()
        elif self._store.manifest.time_budget is None and self._store.manifest.max_time is None:
            missing |= proposed - known.keys()
        if missing:
            text = f"lacks {listed(sorted(missing), 'trial')}; {again}"
            yield Damage(paths.trials, None, text, "resume")
        chosen = {
            row.trial
            for row in self._confirmations.rows.values()
            if row.purpose != "score" and row.train_size == self._own_size(row.trial)
        }
        complete = sum(row.state == TrialState.COMPLETE for row in known.values())
        leaders = min(self._store.manifest.confirm, complete)
        if len(chosen) < leaders:
            text = f"has {len(chosen)} of the {leaders} leading trials; {again}"
            yield Damage(paths.confirmations, None, text, "resume")
        scored = {row.trial for row in self._confirmations.rows.values() if row.purpose == "score"}
        baseline = {
            number for number in chosen & known.keys() if known[number].origin == "baseline"
        }
        if scored and not baseline <= scored:  # one set both chose and scored in older formats
            text = f"has no score of the baseline, trial {min(baseline)}; {again}"
            yield Damage(paths.confirmations, None, text, "resume")


def listed(numbers: list[int], noun: str) -> str:
    """Return numbers in words, cut where there are many."""
    shown = ", ".join(map(str, numbers[:20])) + (", …" if len(numbers) > 20 else "")
    return f"{noun}{'' if len(numbers) == 1 else 's'} {shown}"
