"""Claims where runs fail, are looked at again, or rest on repeated sweeps."""

from __future__ import annotations

import numpy as np
import pytest
from confirmed import curve, frame, question, rows

from ibsweep.analysis.claims import Verdict, evaluate
from ibsweep.analysis.statistics import look_sizes
from ibsweep.errors import InputError
from ibsweep.sweep.options import SweepOptions

SUPPORTED, REFUTED, EQUIVALENT, OPEN, NOT_TESTED = Verdict
BETTER = {"type": "difference", "arm": "a", "than": "b"}
MANY = range(16)
SPREAD = np.linspace(-1, 1, 16)
OTHER = SPREAD[[3, 7, 1, 14, 9, 0, 12, 5, 15, 2, 10, 6, 13, 4, 11, 8]]  # the same, shuffled


def single(confirmations, test, **fields):
    """Return the result of the only test of the only claim."""
    (result,) = evaluate(question(claims=[[test]], **fields), confirmations)
    (found,) = result.tests
    assert found.verdict == result.verdict
    return found


def side(arm, figures, failed=(), **others):
    """Return rows of an arm, of which some replicates fail at chance."""
    figures, trained = np.array(figures, float), np.ones(len(figures), bool)
    figures[list(failed)], trained[list(failed)] = 33.3, False
    others = {"seeds": range(len(figures)), **others}
    return rows(arm, figures, trained=trained, **others)


def level(**fields):
    return {"type": "level", "arm": "a", **fields}


# Of what a test speaks


def test_where_none_failed_it_speaks_of_the_mean():
    found = single(frame(side("a", 92 + SPREAD), side("b", 90 + OTHER)), BETTER)
    assert (found.verdict, found.on, found.look) == (SUPPORTED, "mean", 1)
    assert found.unit_of == "replicate"
    assert "no run failed (up to 17 % could fail)" in found.statement
    assert "; a fresh run of a beats one of b in " in found.statement


def test_where_one_failed_the_runs_that_train_are_compared():
    """The mean of a, with two of sixteen at chance, is far below that of b."""
    found = single(frame(side("a", 92 + SPREAD, [0, 5]), side("b", 90 + OTHER)), BETTER)
    assert (found.verdict, found.on) == (SUPPORTED, "rate and trained")
    assert (found.effect, found.replicates) == (pytest.approx(2, abs=0.5), 14)
    assert "on 14 of 16 paired replicates" in found.statement
    assert "; a trains in 14 of 16 runs [62, 98 %]; then 9" in found.statement


def test_a_rate_alone_can_decide():
    """Where both train they are alike; a trains in all runs, b in a quarter."""
    confirmations = frame(side("a", 90 + SPREAD), side("b", 90 + OTHER, range(12)))
    found = single(confirmations, BETTER)
    assert (found.verdict, found.on) == (SUPPORTED, "rate and trained")
    turned = single(confirmations, {**BETTER, "arm": "b", "than": "a"})
    assert turned.verdict == REFUTED


def test_a_rate_that_speaks_against_it_leaves_it_open():
    confirmations = frame(side("a", 99 + SPREAD / 10, range(8)), side("b", 90 + OTHER))
    found = single(confirmations, BETTER)
    assert (found.verdict, found.reason) == (
        OPEN,
        "one part speaks for it and the other against it",
    )
    assert single(confirmations, {**BETTER, "on": "trained"}).verdict == SUPPORTED
    assert single(confirmations, {**BETTER, "on": "rate"}).verdict == REFUTED


def test_each_estimand_by_name():
    confirmations = frame(side("a", 92 + SPREAD), side("b", 90 + OTHER, range(8)))
    found = {
        on: single(confirmations, {**BETTER, "on": on})
        for on in ("mean", "rate", "trained", "probability")
    }
    assert {on: one.on for on, one in found.items()} == {on: on for on in found}
    assert found["rate"].effect == 50
    assert found["rate"].unit == "points of runs"
    assert found["trained"].replicates == 8
    assert (found["probability"].bound, found["probability"].unit) == (50, "percent")
    assert found["probability"].effect > 90
    assert "a - b, all fresh runs: +" in found["mean"].statement
    assert found["mean"].effect > 20
    # it speaks of failures that were not seen as well, and so is wide
    assert found["mean"].high - found["mean"].low > 30


def test_a_rate_against_its_bound():
    confirmations = side("a", 92 + SPREAD, [3])
    found = single(confirmations, level(on="rate", at_least=50.0))
    assert (found.verdict, found.effect, found.unit) == (SUPPORTED, 93.75, "percent of runs")
    assert found.statement.startswith("a: runs that train 94 % [70, 100] against 50 %")
    assert single(confirmations, level(on="rate", at_least=95.0)).verdict == OPEN


@pytest.mark.parametrize(
    ("failed", "test", "expected"),
    [
        ([0, 1], {"at_least": 95.0}, SUPPORTED),
        ([0, 1], {"at_least": 99.0}, REFUTED),
        (range(14), {"at_least": 95.0}, REFUTED),
        (range(16), {"at_least": 38.3}, REFUTED),
        (range(16), {"below": 38.3}, SUPPORTED),
        (range(14), {"below": 38.3}, SUPPORTED),
        (range(14), {"below": 20.0}, OPEN),  # those that fail are above it too
        ([0, 1], {"below": 38.3}, REFUTED),
        (range(8), {"below": 38.3}, REFUTED),
    ],
)
def test_a_level_where_runs_fail(failed, test, expected):
    assert single(side("a", 97 + SPREAD, failed), level(**test)).verdict == expected


def test_a_run_that_diverged_without_a_figure_counts_as_one_that_fails():
    a = side("a", 92 + SPREAD, [0])
    a.loc[0, "test_accuracy"] = np.nan
    found = single(a, level(on="rate", at_least=50.0))
    assert (found.effect, found.replicates) == (93.75, 16)
    assert single(a, level(on="mean", at_least=50.0)).low < 80


# Equivalence


def test_equivalent_within_a_margin_that_is_stated():
    confirmations = frame(side("a", 90 + SPREAD / 5), side("b", 90 + OTHER / 5))
    found = single(confirmations, BETTER)
    assert (found.verdict, found.margin) == (EQUIVALENT, 1)
    assert ", within 1 points of 0" in found.statement
    narrow = single(confirmations, {**BETTER, "equivalence_margin": 0.01})
    assert (narrow.verdict, narrow.margin) == (OPEN, 0.01)


def test_rates_must_be_alike_too():
    """Where one replicate of sixteen fails it is not known that rates are within ten points."""
    confirmations = frame(side("a", 90 + SPREAD / 5, [0]), side("b", 90 + OTHER / 5))
    assert single(confirmations, BETTER).verdict == OPEN
    assert single(confirmations, {**BETTER, "on": "trained"}).verdict == EQUIVALENT


# What it would take


def test_an_open_test_says_what_it_would_take():
    found = single(
        frame(side("a", 90.35 + SPREAD), side("b", 90 + OTHER)),
        {**BETTER, "equivalence_margin": 0.01},
    )
    assert found.verdict == OPEN
    assert found.needed.endswith(" for 80 % power: `ibsweep settle tiny`")
    assert 16 < int(found.needed.split()[1]) <= 128
    assert (found.next_look, len(found.compared)) == (24, 2)
    arm, sweep, trial, train_size, replicates = found.compared[0]
    assert (arm, sweep, trial, train_size, replicates) == ("a", "a-1", 1, 10, 16)


def test_what_no_look_would_show_says_so():
    found = single(
        frame(side("a", 90.02 + SPREAD), side("b", 90 + OTHER)),
        {**BETTER, "equivalence_margin": 0.05},
    )
    assert found.needed.endswith("more than the 128 of the last look")


def test_choice_and_score():
    """Replicates that chose are not scored; rows of both say so."""
    score = frame(side("a", 92 + SPREAD), side("b", 90 + OTHER))
    chose = side("a", 50 + SPREAD, purpose="choice", seeds=range(100, 116))
    found = single(frame(chose, score), BETTER)
    assert (found.effect, found.replicates) == (pytest.approx(2), 16)
    assert "chosen and scored" not in found.statement
    old = frame(side("a", 92 + SPREAD, purpose=None), side("b", 90 + OTHER, purpose=None))
    assert "; chosen and scored on the same replicates" in single(old, BETTER).statement


def test_the_best_with_given_values_is_chosen_on_the_rows_that_choose():
    parts = []
    for trial, valid, test in ((1, 90.0, 70.0), (2, 95.0, 90.0)):
        role = "best" if trial == 1 else "leader"
        shared = {"trial": trial, "role": role, "batch_size": 5}
        parts += [
            side("a", test + SPREAD, purpose="choice", valid=valid, seeds=range(50, 66), **shared),
            # the replicates that score would choose the other one
            side("a", test + SPREAD, valid=100 - valid, **shared),
        ]
    found = single(frame(*parts), level(where={"batch_size": 5}, at_least=80.0))
    assert (found.verdict, found.compared[0].trial) == (SUPPORTED, 2)


# Looks


def test_a_verdict_that_was_reached_stays():
    """Replicates beyond the first look that say the opposite change the effect alone."""
    early, late = 92 + SPREAD, np.full(112, 80.0) + np.tile(SPREAD, 7)
    first = single(frame(side("a", early), side("b", 90 + OTHER)), BETTER)
    assert (first.verdict, first.look) == (SUPPORTED, 1)
    b = np.concatenate([90 + OTHER, 90 + np.tile(OTHER, 7)])
    for count in look_sizes(16)[1:]:
        confirmations = frame(
            side("a", np.concatenate([early, late])[:count], first=16),
            side("b", b[:count], first=16),
        )
        found = single(confirmations, BETTER)
        assert (found.verdict, found.look) == (SUPPORTED, 1)
        assert found.effect < first.effect
    assert found.effect < 0


def test_later_looks_have_levels_of_their_own():
    """The same effect is told by p 0.02 at the first look alone."""
    rng = np.random.default_rng(3)
    a, b = 90.45 + rng.normal(0, 1, 36), 90 + rng.normal(0, 1, 36)
    asked = {**BETTER, "equivalence_margin": 0.01}
    found = single(frame(side("a", a, first=16), side("b", b, first=16)), asked)
    fixed = single(frame(side("a", a), side("b", b)), asked)
    assert found.look == 3
    assert "at look 3" in found.statement
    assert found.effect == fixed.effect
    assert found.p > fixed.p


def test_verdicts_stay_whatever_comes():
    rng = np.random.default_rng(5)
    for _ in range(12):
        n = look_sizes(8)[-1]
        a, b = rng.normal(91, 1.5, n), rng.normal(90, 1.5, n)
        failed = [list(np.flatnonzero(rng.random(n) < 0.1)) for _ in range(2)]
        reached = OPEN
        for count in look_sizes(8)[:4]:
            parts = [
                side(arm, x[:count], [f for f in gone if f < count], first=8)
                for arm, x, gone in (("a", a, failed[0]), ("b", b, failed[1]))
            ]
            verdict = single(frame(*parts), BETTER).verdict
            assert reached in (OPEN, verdict)
            reached = verdict


# How often it errs


@pytest.mark.parametrize("rates", [(0.1, 0.1), (0.1, 0.0)])
def test_it_seldom_errs_where_runs_fail(rates):
    """Arms that are alike where they train; where one alone fails, that it is worse is true."""
    rng, wrong = np.random.default_rng(14), 0
    asked = question(claims=[[BETTER]])
    for _ in range(300):
        parts = []
        for arm, rate in zip("ab", rates, strict=True):
            failed = np.flatnonzero(rng.random(16) < rate)
            parts.append(side(arm, np.minimum(100, rng.normal(97, 1, 16)), failed))
        (result,) = evaluate(asked, frame(*parts))
        truly_worse = rates[0] > rates[1]
        right = {OPEN, REFUTED if truly_worse else EQUIVALENT}
        wrong += result.verdict not in right
    assert wrong / 300 < 0.08


# The sweep as the unit


def sweeps(arm, means, failed=(), seed=0):
    """Return rows of repeated sweeps of an arm, of which each found a configuration of its own."""
    rng = np.random.default_rng(seed)
    return frame(
        *(
            side(
                arm, mean + rng.normal(0, 0.5, 16), failed, seeds=range(100 * i, 100 * i + 16)
            ).assign(sweep=f"{arm}-seed{10 + i}")
            for i, mean in enumerate(means)
        )
    )


def test_repeated_sweeps_are_the_unit():
    """Within either sweep the difference is certain; between sweeps it is not."""
    a, b = sweeps("a", [95, 91, 93]), sweeps("b", [91, 92, 90], seed=1)
    found = single(frame(a, b), BETTER)
    assert (found.verdict, found.unit_of, found.look) == (OPEN, "sweep", None)
    assert found.effect == pytest.approx(2, abs=0.5)
    assert " on 3 and 3 sweeps, p = " in found.statement
    assert "would hold in a new sweep with probability 0." in found.statement
    assert 0.5 < found.holds_again < 0.95
    command = found.needed.split("`")[1]
    more = int(command.removeprefix("ibsweep tune tiny --sweeps "))
    assert found.needed == (
        f"about {3 + more} sweeps an arm for 80 % power: `{command}` with the options of before "
        "(sweeps made with others count apart); decide on the number, then judge once: judging "
        "after each sweep errs more often"
    )
    clear = single(frame(sweeps("a", [95, 95.2, 95.1]), b), BETTER)
    assert (clear.verdict, clear.unit_of) == (SUPPORTED, "sweep")


def constant_sweeps(arm, means):
    """Return rows of sweeps whose replicates are all alike, so that their means are known."""
    return frame(
        *(
            rows(arm, mean, seeds=range(100 * i, 100 * i + 16)).assign(sweep=f"{arm}-{i}")
            for i, mean in enumerate(means)
        )
    )


def test_no_number_of_sweeps_shows_an_effect_that_was_not_seen():
    a, b = constant_sweeps("a", [88, 90, 92]), constant_sweeps("b", [92, 90, 88])
    found = single(frame(a, b), {**BETTER, "on": "rate"})
    assert (found.verdict, found.effect, found.margin) == (OPEN, 0, None)
    assert found.needed == "no number of sweeps: no effect was seen"


def test_more_sweeps_than_can_be_asked_for_are_not_advised():
    b = constant_sweeps("b", [88, 90, 92])
    asked = {**BETTER, "equivalence_margin": 1e-6}
    found = single(frame(constant_sweeps("a", [88, 90, 92.01]), b), asked)
    assert found.verdict == OPEN
    assert found.needed.startswith("about ")
    assert int(found.needed.split()[1].replace(",", "")) > 1003
    assert found.needed.endswith(
        " sweeps an arm for 80 % power, more than the 1,000 that `--sweeps` takes: too small an "
        "effect beside what sweeps differ by"
    )
    assert SweepOptions(sweeps=1000).sweeps == 1000
    with pytest.raises(InputError, match="`--sweeps` must be at least 1 and at most 1000"):
        SweepOptions(sweeps=1001)


def test_a_level_over_sweeps():
    found = single(sweeps("a", [97, 97.5, 97.2], [0]), level(at_least=95.0))
    assert (found.verdict, found.unit_of, found.on) == (SUPPORTED, "sweep", "trained")
    assert "a trains in 45 of 48 runs" in found.statement
    failing = sweeps("a", [97, 97.5, 97.2], range(12))
    failing.loc[[0, 16, 17], "trained"] = True
    assert single(failing, level(at_least=95.0)).verdict == REFUTED


def test_one_sweep_on_one_side_leaves_the_replicate_as_the_unit():
    """Of several sweeps the one counts that shares the other's replicates."""
    a, b = sweeps("a", [95, 91, 93]), sweeps("b", [91], seed=1)
    found = single(frame(a, b), BETTER)
    assert (found.unit_of, found.replicates) == ("replicate", 16)
    assert [each.sweep for each in found.compared] == ["a-seed10", "b-seed10"]


# Sizes needed


def test_a_run_that_fails_is_left_out_of_its_curve():
    needs = {"type": "train_sizes_needed", "arm": "a", "than": "b", "value": 95.0}
    sizes = [10, 40, 160]
    spread = 0.1 * np.linspace(-1, 1, 8)
    a = curve("a", sizes, [90 + spread, [100.0] * 8, [100.0] * 8], seeds=range(8))
    b = curve("b", sizes, [60.0, 90 + spread[::-1], [100.0] * 8], seeds=range(8))
    whole = single(frame(a, b), needs, efficiency=sizes)
    at = (b["seed"] == 3) & (b["train_size"] == 10)
    b.loc[at, "test_accuracy"], b.loc[at, "trained"] = 33.3, False
    found = single(frame(a, b), needs, efficiency=sizes)
    assert (found.verdict, found.effect, found.replicates) == (SUPPORTED, whole.effect, 8)
    assert "1 runs of b failed and are left out of its curves" in found.statement
