"""The evidence for a question: the rows of its sweeps and all that is computed from them.

Results in, one question's evidence out. The pages and the terminal show this and nothing else.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ibsweep.analysis.claims import ClaimResult, evaluate
from ibsweep.analysis.efficiency import (
    Efficiency,
    SizeEstimate,
    efficiency_curves,
    size_needed,
    size_to_match,
)
from ibsweep.analysis.pairs import Pair, compare_pairs
from ibsweep.analysis.repeats import Repeats, summarise_repeats
from ibsweep.analysis.replications import ReplicationSummary, summarise_replications
from ibsweep.analysis.summary import SweepSummary
from ibsweep.analysis.wording import schema_of
from ibsweep.errors import InputError, suggestion
from ibsweep.paths import is_there
from ibsweep.questions.files import load_all
from ibsweep.questions.schema import LevelTest, Question, TrainSizesNeededTest
from ibsweep.questions.yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from ibsweep.analysis.load import Results, StoredSweep
    from ibsweep.data.schema import DataSchema
    from ibsweep.results.manifest import Manifest

__all__ = ["Evidence", "gather", "known_questions"]


@dataclass(frozen=True)
class Evidence:
    """All that the report says about one question.

    Attributes:
        question: The question, as the newest of these sweeps has it, else as the shipped file.
        data: What its data are.
        summaries: The reported sweep of each arm that was swept, in the question's order.
        manifests: Their manifests.
        judged: Manifests of the sweeps that claims are judged on, by the sweeps' names: the
            reported ones and their repeats, of those that have a best. A test may rest on a
            repeat alone, where the reported sweep has no configuration that it speaks of.
        trials: Rows of ``Results.trials`` of these sweeps.
        curves: Rows of ``Results.curves``.
        confirmations: Rows of ``Results.confirmations``, of those whose confirmation is complete.
        claims: The claims with their verdicts.
        pairs: The arms compared two by two, each on common seeds.
        repeats: What repeated sweeps found, of the arms whose reported sweep has repeats.
        efficiency: The objective by training-set size; empty where it was not measured.
        sizes_needed: Training-set sizes that reach a figure; empty where it was not measured.
        replications: The published settings over many seeds; empty where they were not run.
        replicated: Rows of ``Results.replications`` of the question.
    """

    question: Question
    data: DataSchema
    summaries: dict[str, SweepSummary]
    manifests: dict[str, Manifest]
    judged: dict[str, Manifest]
    trials: pd.DataFrame
    curves: pd.DataFrame
    confirmations: pd.DataFrame
    claims: tuple[ClaimResult, ...]
    pairs: tuple[Pair, ...]
    repeats: dict[str, Repeats]
    efficiency: tuple[Efficiency, ...]
    sizes_needed: tuple[SizeEstimate, ...]
    replications: tuple[ReplicationSummary, ...]
    replicated: pd.DataFrame

    @property
    def quick_arms(self) -> list[str]:
        """The arms whose sweep was a quick look."""
        return [arm for arm, manifest in self.manifests.items() if manifest.is_quick]


def known_questions(results: Results) -> list[str]:
    """Return the names of the questions that there are sweeps or replications of, sorted."""
    replicated = set(results.replications["question"].dropna()) & load_all().keys()
    return sorted({*results.sweeps["question"], *replicated})


def gather(results: Results, targets: Sequence[str] | None = None) -> dict[str, Evidence]:
    """Return the evidence for questions, by name.

    Args:
        results: The results.
        targets: Questions, by name or file, or sweeps, which stand for their question and are then
            shown for their arm in place of its newest sweep. None, empty or with ``all`` among
            them: every question that there is something of.

    Raises:
        InputError: If a target is neither, two are sweeps of one arm, or there is nothing at all.
    """
    questions = known_questions(results)
    if not questions:
        if wrong := results.what_is_wrong():
            lines = "\n".join(wrong)
            raise InputError(f"nothing in {results.path} can be reported:\n{lines}")
        raise InputError(f"there are no sweeps in {results.path} yet: `ibsweep tune` makes them")
    stored = {sweep.summary.name: sweep for sweep in results.stored}
    names = [_name(target) for target in targets or () if target != "all"]
    if not names or "all" in (targets or ()):
        names += questions
    chosen: dict[str, dict[str, StoredSweep]] = {}
    for name in dict.fromkeys(names):
        if name in stored:
            _choose(chosen, stored[name])
        elif name in questions:
            chosen.setdefault(name, {})
        elif name in results.unreadable:
            raise InputError(f"sweep {name!r} cannot be read: {results.unreadable[name]}")
        else:
            known = suggestion(name, {*questions, *stored})
            raise InputError(f"{name!r} is no question or sweep in {results.path}; {known}")
    return {
        question: _evidence(results, question, sweeps)
        for question, sweeps in sorted(chosen.items())
    }


def _name(target: str) -> str:
    """Return the name of the question where a target is its file; nothing else of it is read."""
    path = Path(target)
    if path.suffix not in (".yaml", ".yml") or not (is_there(path) and path.is_file()):
        return target
    content = read_yaml(path)
    return str(content.get("question", target))


def _choose(chosen: dict[str, dict[str, StoredSweep]], sweep: StoredSweep) -> None:
    """Take a sweep for its arm, where ``chosen`` is sweeps by question and arm."""
    name, arm = sweep.summary.name, sweep.summary.arm.name
    by_arm = chosen.setdefault(sweep.summary.question.question, {})
    if by_arm.setdefault(arm, sweep) is not sweep:
        raise InputError(
            f"{by_arm[arm].summary.name!r} and {name!r} are sweeps of one arm, {arm}: a report "
            "shows one sweep an arm, name one of them"
        )


def _evidence(results: Results, name: str, asked: Mapping[str, StoredSweep]) -> Evidence:
    """Return the evidence for a question from the reported sweep of each arm and its repeats.

    Args:
        results: The results.
        name: Name of the question.
        asked: Sweeps by arm that were named: each stands for itself alone.
    """
    sweeps = results.reported(name) | dict(asked)
    repeats: dict[str, tuple[StoredSweep, ...]] = {arm: (sweep,) for arm, sweep in sweeps.items()}
    repeats |= {a: found for a, found in results.repeats(name).items() if a not in asked}
    newest = max(sweeps.values(), key=lambda sweep: sweep.age, default=None)
    question = newest.summary.question if newest else load_all()[name]
    data = schema_of(question, newest.manifest if newest else None)
    summaries = {arm: _summary(sweeps[arm]) for arm in question.arms if arm in sweeps}
    shown = [sweep.summary.name for sweep in sweeps.values()]
    confirmed = [sweep.summary.name for sweep in sweeps.values() if sweep.has_best]
    confirmations = _rows_of(results.confirmations, confirmed)
    # claims are judged on repeats as well
    judged = {
        sweep.summary.name: sweep.manifest
        for arm in summaries
        for sweep in repeats[arm]
        if sweep.has_best
    }
    efficiency = _efficiency(question, summaries, confirmations)
    replicated = results.replications[results.replications["question"] == name]
    return Evidence(
        question=question,
        data=data,
        summaries=summaries,
        manifests={arm: sweeps[arm].manifest for arm in summaries},
        judged=judged,
        trials=_rows_of(results.trials, shown),
        curves=_rows_of(results.curves, shown),
        confirmations=confirmations,
        claims=tuple(evaluate(question, _rows_of(results.confirmations, judged), data)),
        pairs=compare_pairs(list(summaries.values())),
        repeats={
            arm: found
            for arm in summaries
            if (found := summarise_repeats(repeats[arm])) is not None
        },
        efficiency=efficiency,
        sizes_needed=_sizes_needed(question, confirmations, efficiency, summaries),
        replications=tuple(summarise_replications({name: question}, replicated)),
        replicated=replicated,
    )


def _summary(sweep: StoredSweep) -> SweepSummary:
    """Return what a sweep found; of a confirmation that is not at its end, nothing.

    The best of the trials that are confirmed so far may be another one than the best of all.
    """
    if sweep.is_confirmed:
        return sweep.summary
    return replace(sweep.summary, confirmed=(), confirmed_baseline=None)


def _rows_of(frame: pd.DataFrame, sweeps: Iterable[str]) -> pd.DataFrame:
    return frame[frame["sweep"].isin(list(sweeps))]


def _efficiency(
    question: Question, summaries: Mapping[str, SweepSummary], confirmations: pd.DataFrame
) -> tuple[Efficiency, ...]:
    """Return the curves of more than the arm's own training-set size."""
    curves = efficiency_curves(question, confirmations)
    return tuple(curve for curve in curves if curve.arm in summaries and len(curve.sizes) > 1)


def _sizes_needed(
    question: Question,
    confirmations: pd.DataFrame,
    curves: Sequence[Efficiency],
    summaries: Mapping[str, SweepSummary],
) -> tuple[SizeEstimate, ...]:
    """Return the sizes that reach what the claims speak of, and what the best arm reaches."""
    objective = question.objective
    asked: dict[tuple[str, float], None] = {}
    for claim in question.claims:
        for test in claim.tests:
            if isinstance(test, TrainSizesNeededTest):
                asked |= dict.fromkeys([(test.arm, test.value), (test.than, test.value)])
            elif (
                isinstance(test, LevelTest)
                and test.train_size
                and test.metric in (None, objective.test)
            ):
                asked[test.arm, test.bound] = None
    scores = {
        curve.arm: objective.sign * best.test.mean
        for curve in curves
        if (best := summaries[curve.arm].best)
    }
    estimates = []
    for arm, target in asked:
        if arm in scores:
            # one that was not trained at every size yet has none
            with suppress(InputError):
                estimates.append(size_needed(question, confirmations, arm, target))
    leader = max(scores, key=scores.__getitem__, default="")
    for arm in scores.keys() - {leader}:
        with suppress(InputError):
            estimates.append(size_to_match(question, confirmations, arm, leader))
    order = list(question.arms)
    estimates.sort(key=lambda estimate: (estimate.matches or "", order.index(estimate.arm)))
    return tuple(estimates)
