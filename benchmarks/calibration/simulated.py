"""Simulated situations through the library's own functions: what is promised, and what is kept.

Five tables: the figures of one configuration, chosen among others and scored on fresh replicates;
tests whose truth is exactly their bound; tests of an effect of one standard deviation; tests
that are looked at again with more replicates, as ``ibsweep settle`` does; and sweeps repeated.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.calibration.rows import COVERS, ERRS, Row
from benchmarks.calibration.situations import FAILING, SITUATIONS, Runs
from benchmarks.calibration.verdicts import TESTS, any_wrong
from ibsweep.analysis.statistics import (
    ALPHA,
    Interval,
    Rate,
    between_sweeps,
    compare_with_bound,
    describe_runs,
    holm,
    look_sizes,
    mean_of_all,
    sequential_p,
)

__all__ = ["simulated"]

CHOICE_REPLICATES = 16
FAMILIES = (1, 3, 6)
ONE, AT_BOUND, POWER, LOOKS, SWEEPS = (
    "One configuration: how often its intervals hold the truth",
    "Tests at their bound: how often any verdict is wrong",
    "An effect of one standard deviation: how often it is shown",
    "Looks at 1 to 8 times as many replicates: how often an effect is shown, and at what cost",
    "Sweeps repeated: how often intervals hold what such sweeps find on average",
)


def simulated(quick: bool = False) -> list[Row]:
    """Return the rows of the simulated situations.

    Args:
        quick: Whether a look will do: few draws of few situations, within seconds.
    """
    times = 30 if quick else 2000
    cells = list(_cells(times, quick=quick))
    if quick:
        return [cell() for cell in cells]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return [found.result() for found in [pool.submit(cell) for cell in cells]]


def _cells(times: int, *, quick: bool) -> Iterator[Callable[[], Row]]:
    replicates = (8, 16) if quick else (8, 16, 32, 64)
    for name in SITUATIONS:
        for n in replicates:
            for leaders in (3,) if quick else (1, 3, 5):
                yield partial(one_configuration, name, n, leaders, times)
    for kind in TESTS:
        for n in replicates:
            yield partial(at_their_bound, kind, n, times)
    for name in ("normal", "exponential below 100 %"):
        for n in replicates:
            yield partial(power, name, n, times)
        for first in (8,) if quick else (8, 16):
            for effect in (0.0, 1.0) if quick else (0.0, 0.3, 0.5, 0.7, 1.0):
                yield partial(looks, name, first, effect, times)
    for arms in (1, 2):
        for sweeps in (3,) if quick else (2, 3, 5, 10):
            yield partial(sweeps_repeated, arms, sweeps, times)


def _generator(*words: Any) -> np.random.Generator:
    """Return the generator of a cell: the same figures, whatever else is run."""
    return np.random.default_rng(zlib.crc32(repr(words).encode()))


# One configuration


def one_configuration(name: str, n: int, leaders: int, times: int) -> Row:
    """Choose one of some leaders on one set of replicates, and score it on another."""
    situation, rng = SITUATIONS[name], _generator("one", name, n, leaders)
    held: dict[str, list[bool]] = {
        f"{COVERS} trained": [],
        f"{COVERS} rate": [],
        "mean of all": [],
        f"{COVERS} mean of all, trusted": [],
        f"{COVERS} mean of all, unseen failures counted": [],
    }
    errors, optimism = [], []
    for _ in range(times):
        # leaders that differ by half a standard deviation of their replicates
        shifts = rng.normal(0, 0.5 * situation.sd, leaders)
        choice = _shifted(situation.draw(rng, (leaders, CHOICE_REPLICATES)), shifts[:, None])
        chosen = int(choice.values.mean(axis=1).argmax())
        shift = shifts[chosen]
        score = _shifted(situation.draw(rng, (n,)), shift)
        trained = situation.mean + shift
        whole = (1 - situation.failing) * trained + situation.failing * FAILING
        found = describe_runs(score.values, score.trained)
        if score.trained.any():
            held[f"{COVERS} trained"].append(_holds(found.trained, trained))
            errors.append(found.trained.mean - trained)
        held[f"{COVERS} rate"].append(_holds(found.rate, 1 - situation.failing))
        held["mean of all"].append(_holds(found.mean, whole))
        if found.trusted:
            held[f"{COVERS} mean of all, trusted"].append(held["mean of all"][-1])
        careful = mean_of_all(score.values, score.trained, unseen=FAILING)
        held[f"{COVERS} mean of all, unseen failures counted"].append(_holds(careful, whole))
        same = choice.values[chosen][choice.trained[chosen]]
        optimism.append(same.mean() - trained if len(same) else 0.0)
    figures: dict[str, float | None] = {
        column: float(np.mean(each)) if len(each) >= times / 20 else None
        for column, each in held.items()
    }
    figures["bias, sd"] = float(np.mean(errors)) / situation.sd
    figures["bias on the choice's own, sd"] = float(np.mean(optimism)) / situation.sd
    return Row(ONE, {"situation": name, "replicates": n, "leaders": leaders}, figures, times)


def _shifted(runs: Runs, shift: NDArray[np.float64] | float) -> Runs:
    """Return runs of which those that train are better by some amount."""
    return Runs(runs.values + np.where(runs.trained, shift, 0.0), runs.trained)


def _holds(found: Interval | Rate, truth: float) -> bool:
    low = -np.inf if found.low is None else found.low
    high = np.inf if found.high is None else found.high
    return bool(low - 1e-9 <= truth <= high + 1e-9)


# Tests at their bound


def at_their_bound(kind: str, n: int, times: int) -> Row:
    """Draw families of such tests, and judge each at its first look.

    All draws count, in as many families as they make.
    """
    # an interval of all runs is inverted step by step, which takes its time
    rng, families = _generator("bound", kind, n), times // (10 if "on mean" in kind else 2)
    drawn = [TESTS[kind](rng, n) for _ in range(families * max(FAMILIES))]
    figures: dict[str, float | None] = {
        _errs(tests): float(
            np.mean([any_wrong(drawn[i : i + tests]) for i in range(0, len(drawn), tests)])
        )
        for tests in FAMILIES
    }
    return Row(AT_BOUND, {"test": kind, "replicates": n}, figures, families)


def _errs(tests: int) -> str:
    return f"{ERRS}, {tests} test{'s' * (tests > 1)}"


# Power


def power(name: str, n: int, times: int) -> Row:
    """Draw tests of a level one standard deviation from its bound, one of a family."""
    situation, rng = SITUATIONS[name], _generator("power", name, n)
    bound = situation.mean - situation.sd
    p = np.array(
        [compare_with_bound(situation.draw(rng, (n,)).values, bound).p for _ in range(times)]
    )
    sequential = np.array([sequential_p([each]) for each in p])
    figures: dict[str, float | None] = {
        f"shown, {tests} test{'s' * (tests > 1)}": float((sequential * tests < ALPHA).mean())
        for tests in FAMILIES
    }
    return Row(POWER, {"figures": name, "replicates": n}, figures, times)


# Looks


def looks(name: str, first: int, effect: float, times: int) -> Row:
    """Look at a level again with more replicates until it is settled."""
    situation, sizes = SITUATIONS[name], look_sizes(first)
    rng, bound = _generator("looks", name, first, effect), situation.mean - effect * situation.sd
    final, used = [], []
    for _ in range(times):
        values = situation.draw(rng, (sizes[-1],)).values
        by_look: list[float] = []
        for size in sizes:
            by_look.append(compare_with_bound(values[:size], bound).p)
            if sequential_p(by_look) < ALPHA and effect:
                break
        enough = [sequential_p(by_look[: look + 1]) < ALPHA for look in range(len(by_look))]
        used.append(sizes[enough.index(True)] if any(enough) else sizes[-1])
        final.append(sequential_p(by_look))
    p, share = np.array(final), float(np.mean(np.array(final) < ALPHA))
    labels: dict[str, str | int] = {"figures": name, "effect, sd": f"{effect:g}"}
    labels["first look"] = first
    average = {"replicates on average": float(np.mean(used))}
    if effect:
        # of skewed figures the noncentral t knows nothing
        alike = _fixed(share, effect) if name == "normal" else None
        fixed = {"fixed number of equal power": alike}
        return Row(LOOKS, labels, {"shown": share, **average, **fixed}, times)
    errors = _errors(p[: len(p) // max(FAMILIES) * max(FAMILIES)])
    return Row(LOOKS, labels, {**errors, **average}, len(p) // max(FAMILIES))


def _errors(p: NDArray[np.float64]) -> dict[str, float | None]:
    """Return how often a family of tests holds a wrong verdict, by its size.

    All draws count, in as many families as they make.
    """
    return {
        _errs(tests): float(
            np.mean([min(holm(family)) < ALPHA for family in p.reshape(-1, tests).tolist()])
        )
        for tests in FAMILIES
    }


def _fixed(share: float, effect: float) -> float | None:
    """Return how many replicates show an effect as often when looked at once, at 5 %.

    As often as 99.9 % at the most: beyond, draws do not tell how often.
    """
    for n in range(3, 1000):
        critical = special.stdtrit(n - 1, 1 - ALPHA / 2)
        if 1 - special.nctdtr(n - 1, effect * n**0.5, critical) >= min(share, 0.999):
            return float(n)
    return None


# Sweeps repeated


def sweeps_repeated(arms: int, sweeps: int, times: int) -> Row:
    """Repeat sweeps whose configurations differ, and hold a claim about the next one.

    As measured for q2: a standard deviation of 1.5 points between sweeps, of 0.4 between the means
    of a sweep's replicates. The true effect is drawn anew each time.
    """
    rng, held, wrong = _generator("sweeps", arms, sweeps), [], []
    predicted, came = [], []
    for _ in range(times):
        truth = float(rng.uniform(-6, 6))
        drawn = [
            mean + rng.normal(0, 1.5, sweeps + 1) + rng.normal(0, 0.4, sweeps + 1)
            for mean in (truth, 0.0)[:arms]
        ]
        other = drawn[1][:-1] if arms == 2 else None
        found = between_sweeps(drawn[0][:-1], other)
        held.append(found.low <= truth <= found.high)
        wrong.append(between_sweeps(drawn[0][:-1], other, bound=truth).p < ALPHA)
        if 0.7 < found.holds_again < 0.9:
            predicted.append(found.holds_again)
            new = drawn[0][-1] - (drawn[1][-1] if arms == 2 else 0.0)
            came.append(new > 0)
    figures: dict[str, float | None] = {
        f"{COVERS} effect": float(np.mean(held)),
        f"{ERRS}, 1 test": float(np.mean(wrong)),
        "share predicted to hold again, where 70 to 90 %": _mean(predicted),
        "share that did": _mean(came),
    }
    return Row(
        SWEEPS, {"what": ("level", "difference")[arms - 1], "sweeps": sweeps}, figures, times
    )


def _mean(shares: list[float] | list[bool]) -> float | None:
    return float(np.mean(shares)) if shares else None
