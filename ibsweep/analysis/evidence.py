"""What is known about a question: the rows of its sweeps and all that is computed from them.

The pages and the terminal show nothing else than this.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from ibsweep.analysis.claims import ALPHA, ClaimResult, evaluate
from ibsweep.analysis.efficiency import (
    Efficiency,
    Need,
    efficiency_curves,
    images_needed,
    images_to_match,
)
from ibsweep.analysis.replications import ReplicationSummary, summarise_replications
from ibsweep.analysis.statistics import Comparison, holm, paired_difference
from ibsweep.analysis.summary import SweepSummary, summarise
from ibsweep.errors import InputError, suggestion
from ibsweep.questions.files import load_all
from ibsweep.questions.schema import ImagesNeededTest, LevelTest, Question
from ibsweep.results.store import SweepStore, list_sweeps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from ibsweep.analysis.frames import Results
    from ibsweep.results.records import Manifest

__all__ = ["Evidence", "Pair", "Wanted", "gather", "known_questions"]


class Pair(NamedTuple):
    """Two arms' best configurations on the replicate seeds that they share.

    Attributes:
        first: The arm with the higher mean.
        second: The other one.
        images: Training images per class of both.
        comparison: ``first`` minus ``second``, test accuracy in points.
        adjusted_p: After Holm's correction over the question's pairs.
    """

    first: str
    second: str
    images: int
    comparison: Comparison
    adjusted_p: float

    @property
    def settled(self) -> bool:
        """Whether interval and adjusted p both say which arm is better.

        They can disagree: they are made by different methods, and only p knows of the other pairs.
        """
        low, high = self.comparison.low, self.comparison.high
        return not low <= 0 <= high and self.adjusted_p < ALPHA


class Wanted(NamedTuple):
    """The number of images at which an arm reaches an accuracy, and why one asks."""

    need: Need
    why: str


@dataclass(frozen=True)
class Evidence:
    """All that the report says about one question.

    Attributes:
        question: The question, as the newest of these sweeps has it, else as the shipped file.
        summaries: The reported sweep of each arm that was swept, in the question's order.
        manifests: Their manifests.
        trials: Rows of ``Results.trials`` of these sweeps.
        curves: Rows of ``Results.curves``.
        confirmations: Rows of ``Results.confirmations``, of those whose confirmation is complete.
        claims: The claims with their verdicts.
        pairs: The arms compared two by two, each on common seeds.
        efficiency: Test accuracy by number of images; empty where it was not measured.
        wanted: Numbers of images that reach an accuracy; empty where it was not measured.
        replications: The notebook's settings over many seeds; empty where they were not run.
        replicated: Rows of ``Results.replications`` of the question.
    """

    question: Question
    summaries: dict[str, SweepSummary]
    manifests: dict[str, Manifest]
    trials: pd.DataFrame
    curves: pd.DataFrame
    confirmations: pd.DataFrame
    claims: tuple[ClaimResult, ...]
    pairs: tuple[Pair, ...]
    efficiency: tuple[Efficiency, ...]
    wanted: tuple[Wanted, ...]
    replications: tuple[ReplicationSummary, ...]
    replicated: pd.DataFrame


def known_questions(results: Results) -> list[str]:
    """Return the names of the questions that there are sweeps or replications of, sorted."""
    replicated = results.replications["question"].dropna()
    return sorted({*results.sweeps["question"], *replicated})


def gather(results: Results, targets: Sequence[str] | None = None) -> dict[str, Evidence]:
    """Return the evidence for questions, by name.

    Args:
        results: The results.
        targets: Questions, or sweeps, which stand for their question and are then shown for their
            arm in place of its newest sweep. None, empty or with ``all`` among them: every
            question that there is something of.

    Raises:
        InputError: If a target is neither, two are sweeps of one arm, or there is nothing at all.
    """
    table, stores, questions = results.sweeps, _stores(results), known_questions(results)
    if not questions:
        raise InputError(f"there are no sweeps in {results.path} yet: `ibsweep tune` makes them")
    named = {str(row.sweep): row for row in table.itertuples()}
    chosen: dict[str, dict[str, str]] = {}
    wanted = [name for name in targets or () if name != "all"]
    if not wanted or "all" in (targets or ()):
        wanted += questions
    for target in dict.fromkeys(wanted):
        if target in named:
            row = named[target]
            mine = chosen.setdefault(str(row.question), {})
            if mine.setdefault(str(row.arm), target) != target:
                raise InputError(
                    f"{mine[str(row.arm)]!r} and {target!r} are sweeps of one arm, {row.arm}: "
                    "a report shows one sweep an arm, name one of them"
                )
        elif target in questions:
            chosen.setdefault(target, {})
        elif target in results.unreadable:
            raise InputError(f"sweep {target!r} cannot be read: {results.unreadable[target]}")
        else:
            known = suggestion(target, {*questions, *named})
            raise InputError(f"{target!r} is no question or sweep in {results.path}; {known}")
    return {name: _evidence(results, stores, name, m) for name, m in sorted(chosen.items())}


def _stores(results: Results) -> dict[str, SweepStore]:
    single = (results.path / "manifest.json").exists()
    directories = [results.path] if single else list_sweeps(results.path)
    # a user may have renamed a directory: the manifest says the sweep's name
    opened = [SweepStore(path) for path in directories if path.name not in results.unreadable]
    return {store.manifest.name: store for store in opened}


def _evidence(
    results: Results, stores: Mapping[str, SweepStore], name: str, chosen: Mapping[str, str]
) -> Evidence:
    mine = results.sweeps[results.sweeps["question"] == name].sort_values("created")
    sweeps: dict[str, str] = {}
    for arm, rows in mine.groupby("arm"):
        # an arm may have sweeps of which none is confirmed yet: the page says so
        current = rows[rows["current"]]
        newest = (rows if current.empty else current).iloc[-1]
        sweeps[str(arm)] = chosen.get(str(arm), str(newest["sweep"]))
    by_age = sorted(sweeps.items(), key=lambda item: stores[item[1]].manifest.created)
    found = {arm: _summary(stores[sweep]) for arm, sweep in by_age}
    question = list(found.values())[-1].question if found else load_all()[name]
    arms = [arm for arm in question.arms if arm in found]
    confirmed = [summary.name for summary in found.values() if summary.best]
    confirmations = _of(results.confirmations, confirmed)
    efficiency = _measured(question, arms, confirmations)
    replicated = results.replications[results.replications["question"] == name]
    return Evidence(
        question=question,
        summaries={arm: found[arm] for arm in arms},
        manifests={arm: stores[sweeps[arm]].manifest for arm in arms},
        trials=_of(results.trials, sweeps.values()),
        curves=_of(results.curves, sweeps.values()),
        confirmations=confirmations,
        claims=tuple(evaluate(question, confirmations)),
        pairs=_pairs([found[arm] for arm in arms]),
        efficiency=efficiency,
        wanted=_wanted(question, confirmations, efficiency, found),
        replications=tuple(summarise_replications({name: question}, replicated)),
        replicated=replicated,
    )


def _summary(store: SweepStore) -> SweepSummary:
    """Return what a sweep found; of a confirmation that is not at its end, nothing.

    The best of the trials that are confirmed so far may be another one than the best of all.
    """
    summary = summarise(store)
    if store.paths.best_config.exists():
        return summary
    return replace(summary, confirmed=(), confirmed_baseline=None)


def _of(frame: pd.DataFrame, sweeps: Iterable[str]) -> pd.DataFrame:
    return frame[frame["sweep"].isin(list(sweeps))]


def _pairs(summaries: Sequence[SweepSummary]) -> tuple[Pair, ...]:
    confirmed = [(summary.arm, summary.best) for summary in summaries if summary.best is not None]
    confirmed.sort(key=lambda pair: -pair[1].test.mean)
    compared = []
    for (first, best), (second, other) in combinations(confirmed, 2):
        if first.images != second.images:
            continue  # nothing that differs in two ways is compared
        scores = [{row.seed: row.test_accuracy for row in side.rows} for side in (best, other)]
        seeds = sorted(scores[0].keys() & scores[1].keys())
        if len(seeds) < 2:
            continue
        comparison = paired_difference(*([score[seed] for seed in seeds] for score in scores))
        compared.append((first.name, second.name, first.images, comparison))
    adjusted = holm([comparison.p for *_, comparison in compared])
    return tuple(Pair(*pair, p) for pair, p in zip(compared, adjusted, strict=True))


def _measured(
    question: Question, arms: Sequence[str], confirmations: pd.DataFrame
) -> tuple[Efficiency, ...]:
    """Return the curves of more than the arm's own number of images."""
    curves = efficiency_curves(question, confirmations)
    return tuple(curve for curve in curves if curve.arm in arms and len(curve.images) > 1)


def _wanted(
    question: Question,
    confirmations: pd.DataFrame,
    curves: Sequence[Efficiency],
    summaries: Mapping[str, SweepSummary],
) -> tuple[Wanted, ...]:
    """Return the images that reach what the claims speak of, and what the best arm reaches."""
    asked: dict[tuple[str, float], None] = {}
    for claim in question.claims:
        for test in claim.tests:
            if isinstance(test, ImagesNeededTest):
                asked |= dict.fromkeys([(test.arm, test.percent), (test.than, test.percent)])
            elif isinstance(test, LevelTest) and test.images and test.metric == "test_accuracy":
                asked[test.arm, test.bound] = None
    scores = {curve.arm: best.test.mean for curve in curves if (best := summaries[curve.arm].best)}
    wanted = []
    for arm, target in asked:
        if arm in scores:
            # one that was not trained at every number yet has none
            with suppress(InputError):
                wanted.append(Wanted(images_needed(question, confirmations, arm, target), ""))
    leader = max(scores, key=scores.__getitem__, default="")
    for arm in scores.keys() - {leader}:
        why = f"as good as {leader} with {question.arms[leader].images}"
        with suppress(InputError):
            wanted.append(Wanted(images_to_match(question, confirmations, arm, leader), why))
    order = list(question.arms)
    return tuple(sorted(wanted, key=lambda one: (one.why, order.index(one.need.arm))))
