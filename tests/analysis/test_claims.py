"""Verdicts on simulated results: right where the truth is known, open where rows are missing."""

from __future__ import annotations

import numpy as np
import pytest
from confirmed import IMAGES, SEEDS, curve, frame, question, rows

from ibsweep.analysis.claims import RULE, Verdict, evaluate

SUPPORTED, REFUTED, EQUIVALENT, OPEN, NOT_TESTED = Verdict
BETTER = {"type": "difference", "arm": "a", "than": "b"}
NEEDS = {"type": "train_sizes_needed", "arm": "a", "than": "b", "value": 95.0}
SPREAD = np.array([-1.5, -1.0, -0.5, -0.2, 0.2, 0.5, 1.0, 1.5])  # no two effects alike


def judge(confirmations, *tests, **fields):
    """Return the result of a claim made of these tests."""
    (result,) = evaluate(question(claims=[list(tests)], **fields), confirmations)
    return result


def single(confirmations, test, **fields):
    """Return the result of the only test of a claim."""
    result = judge(confirmations, test, **fields)
    (found,) = result.tests
    assert found.verdict == result.verdict
    return found


def level(**fields):
    return {"type": "level", "arm": "a", **fields}


# A difference


@pytest.mark.parametrize(
    ("effect", "expected"), [(5.0, SUPPORTED), (0.1, OPEN), (-0.1, OPEN), (-5.0, REFUTED)]
)
def test_a_difference(effect, expected):
    found = single(frame(rows("a", 80 + effect + SPREAD), rows("b", [80.0] * 8)), BETTER)
    assert found.verdict == expected
    assert found.effect == pytest.approx(effect)
    assert found.low < found.effect < found.high
    assert (found.bound, found.unit, found.replicates) == (0, "points", 8)
    assert (found.p == found.adjusted_p < 0.05) is (expected != OPEN)
    assert (found.reason is None) is (expected != OPEN)


def test_the_statement_of_a_difference():
    confirmations = frame(rows("a", 83 + SPREAD), rows("b", [80.0] * 8))
    found = single(confirmations, BETTER)
    assert found.statement == (
        f"a - b: +3.00 points [{found.low:.2f}, {found.high:.2f}] on 8 paired replicates of "
        "one sweep each, p < 0.001; no run failed (up to 31 % could fail); "
        "a fresh run of a beats one of b in 100 % [63, 100]"
    )
    assert single(confirmations, {**BETTER, "margin": 1.0}).statement.startswith(
        f"a - b: +3.00 points [{found.low:.2f}, {found.high:.2f}] against -1 on 8 paired"
    )


def test_it_is_paired_by_seed_whatever_the_order_of_the_rows():
    data = np.linspace(60, 95, 8)  # far more spread than difference
    both = frame(rows("a", data + 1 + 0.1 * SPREAD), rows("b", data))
    shuffled = both.sample(frac=1, random_state=0)
    assert single(shuffled, BETTER) == single(both, BETTER)
    assert single(both, BETTER).verdict == SUPPORTED


def test_only_common_replicates_count():
    confirmations = frame(
        rows("a", [*(85 + SPREAD), 10.0], seeds=[*SEEDS, 7]), rows("b", [80.0] * 8)
    )
    found = single(confirmations, BETTER)
    assert (found.replicates, found.effect) == (8, pytest.approx(5))


@pytest.mark.parametrize(
    ("effect", "margin", "expected"),
    [(-0.5, 1.0, OPEN), (-0.5, 3.0, SUPPORTED), (-5.0, 3.0, REFUTED), (2.0, 1.0, SUPPORTED)],
)
def test_a_margin_says_how_much_worse_is_no_worse(effect, margin, expected):
    confirmations = frame(rows("a", 80 + effect + SPREAD), rows("b", [80.0] * 8))
    found = single(confirmations, {**BETTER, "margin": margin})
    assert (found.verdict, found.bound) == (expected, -margin)


def test_only_the_best_configuration_is_compared():
    confirmations = frame(
        rows("a", 85 + SPREAD),
        rows("a", [10.0] * 8, trial=0, role="baseline"),
        rows("a", [10.0] * 8, trial=2, role="leader"),
        rows("a", [10.0] * 8, train_size=30),
        rows("b", [80.0] * 8),
    )
    assert single(confirmations, BETTER).effect == pytest.approx(5)


def test_it_can_be_at_another_number_of_images():
    confirmations = frame(
        rows("a", 85 + SPREAD),
        rows("b", [80.0] * 8),
        rows("a", 85 + SPREAD, train_size=100),
        rows("b", [95.0] * 8, train_size=100),
    )
    found = single(confirmations, {**BETTER, "train_size": 100})
    assert (found.verdict, found.effect) == (REFUTED, pytest.approx(-10))
    assert found.statement.startswith(
        "a - b with 100 images per class (tuned with 10): -10.00 points ["
    )


def tuned_with_10_and_30(*tests, **fields):
    """Return a question whose arm b was tuned with 30 images per class, a with 10."""
    data = {**question().data, "split": {"train": [10, 30], "valid": 20, "test": 50}}
    asked = question(claims=[list(tests)], data=data, **fields)
    arms = {"a": asked.arms["a"], "b": asked.arms["b"].model_copy(update={"train_size": 30})}
    return asked.model_copy(update={"arms": arms})


def test_it_says_with_how_many_images_the_arms_were_tuned():
    confirmations = frame(
        *(curve(arm, (10, 30, 100), [80 + SPREAD] * 3) for arm in "ab"),
    )
    at_30, at_100 = ({**BETTER, "train_size": images} for images in (30, 100))
    (result,) = evaluate(tuned_with_10_and_30(at_30, at_100), confirmations)
    assert [test.statement.split(":")[0] for test in result.tests] == [
        "a - b with 30 images per class (tuned with 10 and 30)",
        "a - b with 100 images per class (tuned with 10 and 30)",
    ]
    found = single(confirmations, level(train_size=100, at_least=50.0))
    assert found.statement.startswith("a with 100 images per class (tuned with 10): test")
    assert single(confirmations, level(train_size=10, at_least=50.0)).statement.startswith(
        "a: test"
    )


# With values that the configuration must have


KERNELS = {"arm": "a", "where": {"batch_size": 5}, "than": "a", "than_where": {"batch_size": 10}}


def test_where_takes_the_configuration_best_on_validation_images():
    """Test images would choose otherwise on either side; ties go to the lower loss."""
    confirmations = frame(
        rows("a", 80 + SPREAD, trial=1, valid=95.0, batch_size=5),
        rows("a", 99 + 0 * SPREAD, trial=2, role="leader", valid=90.0, batch_size=5),
        rows("a", 70.0, trial=3, role="leader", valid=92.0, loss=0.2, batch_size=10),
        rows("a", 99.0, trial=4, role="leader", valid=92.0, loss=0.3, batch_size=10),
        rows("a", 99.0, trial=0, role="baseline", valid=91.0, batch_size=10),
    )
    found = single(confirmations, {"type": "difference", **KERNELS})
    assert (found.verdict, found.effect) == (SUPPORTED, pytest.approx(10))
    assert found.statement.startswith("a (batch_size 5) - a (batch_size 10): +10.00 points")


def test_where_nothing_has_the_values():
    confirmations = rows("a", 80 + SPREAD, batch_size=5)
    found = single(confirmations, {"type": "difference", **KERNELS})
    expected = "a (batch_size 10) was not confirmed: `ibsweep tune a` with more `--trials`"
    assert (found.verdict, found.reason) == (NOT_TESTED, expected)
    without = single(rows("a", 80 + SPREAD), {"type": "difference", **KERNELS})
    assert "a (batch_size 5) was not confirmed" in without.reason


def test_where_at_another_number_of_images_only_the_best_has_rows():
    confirmations = frame(
        rows("a", 80 + SPREAD, batch_size=5),
        rows("a", 90 + SPREAD, batch_size=5, train_size=30),
        rows("a", 70.0, trial=2, role="leader", batch_size=10),
    )
    found = single(confirmations, {"type": "difference", **KERNELS, "images": 30})
    assert found.verdict == NOT_TESTED
    assert found.reason.startswith("a (batch_size 10) was not trained with 30 images per class: ")
    assert "only the arm's best" in found.reason


# A level


@pytest.mark.parametrize(
    ("mean", "bound", "expected"),
    [
        (97.0, {"at_least": 95.0}, SUPPORTED),
        (90.0, {"at_least": 95.0}, REFUTED),
        (95.2, {"at_least": 95.0}, OPEN),
        (97.0, {"below": 95.0}, REFUTED),
        (90.0, {"below": 95.0}, SUPPORTED),
        (94.8, {"below": 95.0}, OPEN),
    ],
)
def test_a_level(mean, bound, expected):
    found = single(rows("a", mean + SPREAD), level(**bound))
    assert (found.verdict, found.bound, found.unit) == (expected, 95, "percent")
    assert found.effect == pytest.approx(mean)
    assert found.statement.startswith(f"a: test accuracy {mean:.2f} % [")
    assert " against 95 % on 8 replicates of one sweep, p " in found.statement
    assert found.statement.endswith(f"; worst replicate {mean - 1.5:.2f}")


def test_the_worst_replicate_shows_what_the_mean_hides():
    values = [99.0, 98.8, 99.2, 99.1, 98.9, 99.0, 99.3, 43.3]
    found = single(rows("a", 100.0, train=values), level(metric="train_accuracy", at_least=50.0))
    assert found.statement.endswith("; worst replicate 43.30")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (level(metric="train_accuracy", at_least=100.0), SUPPORTED),
        (level(metric="train_accuracy", below=100.0), REFUTED),
        (level(at_least=100.0), SUPPORTED),
        (BETTER, EQUIVALENT),
        ({**BETTER, "margin": 1.0}, SUPPORTED),
        (NEEDS, OPEN),
    ],
)
def test_replicates_that_all_lie_on_the_bound(test, expected):
    confirmations = frame(*(curve(arm, IMAGES, [100.0] * 7) for arm in "ab"))
    found = single(confirmations, test)
    assert found.verdict == expected
    if expected == OPEN:
        assert found.reason == "every replicate gives both sides the same"


@pytest.mark.parametrize(
    ("replicates", "tests", "expected"),
    [(5, 1, OPEN), (6, 1, OPEN), (7, 1, SUPPORTED), (7, 2, OPEN), (8, 3, SUPPORTED)],
)
def test_few_replicates_on_the_bound_prove_nothing(replicates, tests, expected):
    """However clear the effect, a test of them could not have come out: 2 ** (2 - n) * tests."""
    confirmations = rows("a", [100.0] * replicates)
    result = judge(confirmations, *[level(at_least=100.0)] * tests)
    assert result.verdict == expected
    below = judge(confirmations, *[level(below=100.0)] * tests)
    assert below.verdict == (OPEN if expected == OPEN else REFUTED)
    for found in (*result.tests, *below.tests):
        assert (found.reason is None) is (found.needed is None) is (expected != OPEN)


def test_a_bound_that_is_no_round_number_is_met_as_well():
    assert single(rows("a", 100 / 3), level(at_least=100 / 3)).verdict == SUPPORTED
    assert single(rows("a", 100 / 3), level(below=100 / 3)).verdict == REFUTED


def test_one_replicate_below_the_bound_refutes_nothing():
    found = single(rows("a", [100.0] * 7 + [99.9]), level(at_least=100.0))
    assert found.verdict == EQUIVALENT
    assert found.statement.split(";")[0].endswith(", within 1 percent of 100")
    strict = level(at_least=100.0, equivalence_margin=0.001)
    assert single(rows("a", [100.0] * 7 + [99.9]), strict).verdict == OPEN


def test_the_baseline_can_be_meant_and_may_be_the_best():
    test = level(config="baseline", metric="train_accuracy", at_least=99.0)
    confirmations = frame(
        rows("a", 50.0, train=50.0), rows("a", 50.0, trial=0, role="baseline", train=100.0)
    )
    found = single(confirmations, test)
    assert (found.verdict, found.effect) == (SUPPORTED, 100)
    assert found.statement.startswith("a, the baseline: training accuracy 100.00 %")
    assert single(rows("a", 50.0, trial=0, train=100.0), test).verdict == SUPPORTED
    unconfirmed = single(rows("a", 50.0, train=100.0), test)
    assert unconfirmed.reason.startswith("the baseline of a was not confirmed")


# Images needed


def test_fewer_images():
    """One arm crosses 95 % at 20 images, the other at 80: four times as many."""
    confirmations = frame(
        curve("a", [10, 40, 160], [90.0 + 0.1 * SPREAD, 100.0, 100.0]),
        curve("b", [10, 40, 160], [60.0, 90.0 + 0.1 * SPREAD, 100.0]),
    )
    found = single(confirmations, NEEDS, efficiency=[10, 40, 160])
    assert found.verdict == SUPPORTED
    assert found.effect == pytest.approx(2, abs=0.01)
    assert (found.unit, found.bound, found.replicates) == ("doublings", 0, 8)
    assert found.statement == (
        "b needs 4.0 times as many images as a [4.0, 4.0] to reach 95 % (tuned with 10) on 8 "
        "paired replicates of one sweep each, p = 0.016"
    )
    other = {**NEEDS, "arm": "b", "than": "a"}
    found = single(confirmations, other, efficiency=[10, 40, 160])
    assert (found.verdict, found.effect) == (REFUTED, pytest.approx(-2, abs=0.01))
    assert found.statement.startswith("b needs 4.0 times as many images as a [4.0, 4.0]")


def test_numbers_beyond_the_crossing_are_not_needed():
    """Where every replicate is above at 40 images, 160 would change nothing."""
    whole = curve("a", [10, 40, 160], [90.0 + 0.1 * SPREAD, 100.0, 100.0])
    other = curve("b", [10, 40, 160], [60.0, 90.0 + 0.1 * SPREAD, 100.0])
    full = single(frame(whole, other), NEEDS, efficiency=[10, 40, 160])
    short = frame(whole[whole["train_size"] < 160], other)
    assert single(short, NEEDS, efficiency=[10, 40, 160]) == full
    # one replicate that is not there yet needs them; so does a gap below
    late = whole[whole["train_size"] < 160].copy()
    late.loc[(late["train_size"] == 40) & (late["seed"] == SEEDS[0]), "test_accuracy"] = 94.0
    found = single(frame(late, other), NEEDS, efficiency=[10, 40, 160])
    assert found.reason.startswith("a was not trained with 160 images per class")
    gap = whole[whole["train_size"] != 10]
    found = single(frame(gap, other), NEEDS, efficiency=[10, 40, 160])
    assert found.reason.startswith("a was not trained with 10 images per class")


def test_falling_short_counts_as_the_largest_number_and_is_said():
    confirmations = frame(
        curve("a", [10, 40, 160], [90.0, 100.0, 100.0]),
        curve("b", [10, 40, 160], [60.0, 70.0, [96.0] * 2 + [80.0] * 6]),
    )
    found = single(confirmations, NEEDS, efficiency=[10, 40, 160])
    assert found.verdict == SUPPORTED
    assert 2.9 < found.effect <= 3
    assert found.statement.startswith("b needs at least 7.9 times as many images as a [")
    notes = "(tuned with 10; b falls short with 160 in 6 of 8)"
    assert f" to reach 95 % {notes} on 8 paired" in found.statement


EARLY, MIDDLE, LATE = [96.0, 98, 99], [90.0, 100, 100], [60.0, 70, 80]
ABOVE, SHORT = "is above it with 10 in 2 of 8", "falls short with 160 in 2 of 8"


@pytest.mark.parametrize(
    ("some_of_a", "some_of_b", "about", "notes"),
    [
        (MIDDLE, MIDDLE, "", []),
        (EARLY, MIDDLE, "at least ", [f"a {ABOVE}"]),
        (MIDDLE, LATE, "at least ", [f"b {SHORT}"]),
        (EARLY, LATE, "at least ", [f"a {ABOVE}", f"b {SHORT}"]),
        (MIDDLE, EARLY, "at most ", [f"b {ABOVE}"]),
        (LATE, MIDDLE, "at most ", [f"a {SHORT}"]),
        (EARLY, EARLY, "about ", [f"a {ABOVE}", f"b {ABOVE}"]),
        (LATE, LATE, "about ", [f"a {SHORT}", f"b {SHORT}"]),
        ([95.0, 100, 100], MIDDLE, "", []),  # just there
    ],
)
def test_where_the_curves_end_the_ratio_does_too(some_of_a, some_of_b, about, notes):
    """Six replicates cross within the numbers, a at about 20 and b at about 80 images."""
    curves = {
        "a": [[one] * 2 + [other] * 6 for one, other in zip(some_of_a, MIDDLE, strict=True)],
        "b": [[one] * 2 + [other] * 6 for one, other in zip(some_of_b, [60, 90, 99], strict=True)],
    }
    confirmations = frame(*(curve(arm, [10, 40, 160], values) for arm, values in curves.items()))
    found = single(confirmations, NEEDS, efficiency=[10, 40, 160])
    assert found.statement.startswith(f"b needs {about}{2**found.effect:.1f} times as many images")
    inside = "; ".join(["tuned with 10", *notes])
    assert f" % ({inside}) on 8 paired replicates" in found.statement
    # the same from the other side
    turned = single(confirmations, {**NEEDS, "arm": "b", "than": "a"}, efficiency=[10, 40, 160])
    assert turned.statement.startswith(f"b needs {about}{2**found.effect:.1f} times as many")


def test_two_arms_that_never_get_there_cannot_be_told_apart():
    confirmations = frame(*(curve(arm, IMAGES, [50.0] * 7) for arm in "ab"))
    found = single(confirmations, NEEDS)
    assert (found.verdict, found.effect) == (NOT_TESTED, None)
    assert found.reason.startswith("neither a nor b reaches 95 % with 500 images per class")


# What is missing


@pytest.mark.parametrize("test", [BETTER, NEEDS, level(arm="b", at_least=90.0)])
def test_an_arm_that_was_not_swept(test):
    found = single(curve("a", IMAGES, [90.0] * 7), test)
    assert found.reason == "b has no confirmed sweep: `ibsweep tune b`"
    assert found.statement == f"not tested: {found.reason}"
    assert found.verdict == NOT_TESTED
    figures = (found.effect, found.low, found.high, found.p, found.adjusted_p, found.replicates)
    assert figures == (None, None, None, None, None, 0)


@pytest.mark.parametrize(
    ("test", "lacking"),
    [
        ({**BETTER, "train_size": 100}, "100"),
        (level(train_size=200, below=95.0), "200"),
        (NEEDS, "30, 50, 100, 200, 300, 500"),
    ],
)
def test_numbers_of_images_that_were_not_trained(test, lacking):
    found = single(frame(rows("a", 90.0), rows("b", 80.0)), test)
    expected = f"a was not trained with {lacking} images per class: `ibsweep efficiency tiny`"
    assert (found.verdict, found.reason) == (NOT_TESTED, expected)


def test_a_number_that_the_question_does_not_list():
    confirmations = frame(rows("a", 90.0), rows("b", 80.0, train_size=30))
    data = {**question().data, "split": {"train": [10, 30], "valid": 20, "test": 50}}
    asked = question(claims=[[BETTER]], data=data, efficiency=[10, 20])
    arms = {"a": asked.arms["a"], "b": asked.arms["b"].model_copy(update={"train_size": 30})}
    (claim,) = asked.claims
    test = claim.tests[0].model_copy(update={"train_size": 30})
    claim = claim.model_copy(update={"tests": (test,)})
    asked = asked.model_copy(update={"arms": arms, "claims": (claim,)})
    (found,) = evaluate(asked, confirmations)[0].tests
    assert found.reason.endswith("add 30 to `efficiency` in the question's file")


def test_no_rows_at_all():
    (found,) = judge(rows("a", 90.0).iloc[:0], BETTER).tests
    assert found.reason == "a has no confirmed sweep: `ibsweep tune a`"


def test_arms_tuned_with_different_numbers_of_images():
    confirmations = frame(rows("a", 85 + SPREAD), rows("b", 80.0, train_size=30))
    (found,) = evaluate(tuned_with_10_and_30(BETTER), confirmations)[0].tests
    assert found.verdict == NOT_TESTED
    assert found.reason.startswith(
        "a was tuned with 10 images per class, b with 30 images per class: give the te"
    )


def test_too_few_common_replicates():
    confirmations = frame(rows("a", 90.0), rows("b", 80.0, seeds=range(8)))
    few = "a and b share fewer than two replicates: `ibsweep tune a b`"
    assert single(confirmations, BETTER).reason == f"{few} gives both the same seeds"
    more = f"{few} with `--confirm-replicates` of 6 or more"
    for seeds in ([10], [11]):  # where a replicate is all there is, the same seed does not help
        confirmations = frame(rows("a", [90.0], seeds=[10]), rows("b", [80.0], seeds=seeds))
        assert single(confirmations, BETTER).reason == more
    assert "single replicate" in single(rows("a", [90.0]), level(at_least=80.0)).reason


def test_too_few_replicates_for_any_verdict():
    confirmations = frame(rows("a", 90 + SPREAD[:4]), rows("b", [80.0] * 4))
    found = single(confirmations, BETTER)
    assert (found.verdict, found.p, found.effect) == (OPEN, 1, pytest.approx(9.6, abs=1))
    assert found.reason == "too few to tell: 4 replicates, and six are the least"
    assert found.needed == "at least 6 replicates: `ibsweep settle tiny`"


# Claims of several tests, questions of several claims


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((80.0, 85.0), SUPPORTED),
        ((80.0, 90.0), OPEN),
        ((80.0, 95.0), REFUTED),
        ((90.0, 95.0), REFUTED),
    ],
)
def test_a_claim_holds_where_all_of_its_tests_hold(bounds, expected):
    result = judge(rows("a", 90 + SPREAD), *(level(at_least=bound) for bound in bounds))
    assert result.verdict == expected


def test_holm_counts_the_tests_of_all_claims():
    """One that cannot be carried out counts as p = 1."""
    confirmations = frame(rows("a", 90 + SPREAD), rows("b", 80.0))
    tests = [level(at_least=80.0)], [level(below=95.0), BETTER], [level(arm="c", at_least=1.0)]
    results = evaluate(question("abc", claims=tests), confirmations)
    assert [result.claim.id for result in results] == ["claim_0", "claim_1", "claim_2"]
    found = [test.adjusted_p for result in results for test in result.tests]
    assert found == [4 * 2 * 0.0002] * 3 + [None]  # the least p of 9999 resamples, at look 1
    assert [result.verdict for result in results] == [SUPPORTED, SUPPORTED, NOT_TESTED]
    assert [result.tested for result in results] == [True, True, False]


@pytest.mark.parametrize("also", [80.0, 90.0])
def test_a_test_that_becomes_possible_takes_no_verdict_back(also):
    """Four tests of eight equal values each are too many, however many of them have rows."""
    tests = [[level(at_least=80.0 + n) for n in range(3)], [level(arm="b", at_least=80.0)]]
    for confirmations in (rows("a", 90.0), frame(rows("a", 90.0), rows("b", also))):
        first, _ = evaluate(question(claims=tests), confirmations)
        assert {test.adjusted_p for test in first.tests} == {4 * 2 * 2**-7}
        assert first.verdict == OPEN
    many = np.linspace(89, 91, 9)
    alone = rows("a", many, seeds=range(9))
    both = frame(alone, rows("b", also + 0.1 * many, seeds=range(9)))
    verdicts = [evaluate(question(claims=tests), each)[0].verdict for each in (alone, both)]
    assert verdicts == [SUPPORTED, SUPPORTED]


def test_correction_can_turn_a_verdict_into_an_open_one():
    """Equal values leave nothing but their number to judge by."""
    confirmations = rows("a", 90.0)
    tests = [level(at_least=80.0 + n) for n in range(3)]
    assert judge(confirmations, *tests).verdict == SUPPORTED  # 2 * 3 / 128 = 0.047
    more = judge(confirmations, *tests, level(at_least=86.0))
    assert {test.adjusted_p for test in more.tests} == {4 * 2 * 2**-7}
    assert more.verdict == OPEN
    assert more.tests[0].reason == "the adjusted p is not below 0.05"


def test_an_interval_off_the_bound_can_have_too_large_a_p():
    found = judge(rows("a", 81.3 + SPREAD), *[level(at_least=80.0)] * 4).tests[0]
    assert found.low > 80
    assert found.adjusted_p == 4 * found.p > 0.05 > found.p
    assert (found.verdict, found.reason) == (OPEN, "the adjusted p is not below 0.05")


def test_a_question_without_claims():
    assert evaluate(question(), rows("a", 90.0)) == []


def test_verdicts_err_in_no_more_questions_than_one_in_twenty():
    """Four arms are all as good as a fifth; without Holm one question in eight errs."""
    rng, arms, seeds = np.random.default_rng(8), "abcde", range(12)
    asked = question(arms, [[{**BETTER, "arm": arm, "than": "e"}] for arm in "abcd"])
    erred, uncorrected = 0, 0
    for _ in range(100):
        data = rng.normal(90, 3, 12)
        confirmations = frame(*(rows(a, data + rng.normal(0, 1, 12), seeds=seeds) for a in arms))
        results = evaluate(asked, confirmations)
        erred += any(result.verdict in (SUPPORTED, REFUTED) for result in results)
        uncorrected += any(result.tests[0].p < 0.025 for result in results)
    assert erred <= 5  # half of 5 in 100 is spent at the first look; and two standard errors
    assert uncorrected > erred


def test_verdicts_find_large_effects_of_either_sign():
    rng = np.random.default_rng(9)
    asked = question("abc", [[BETTER], [{**BETTER, "arm": "c"}], [level(at_least=85.0)]])
    for _ in range(20):
        data = rng.normal(80, 3, 8)
        confirmations = frame(
            rows("a", data + 10 + rng.normal(0, 1, 8)),
            rows("b", data),
            rows("c", data - 5 + rng.normal(0, 1, 8)),
        )
        verdicts = [result.verdict for result in evaluate(asked, confirmations)]
        assert verdicts[:2] == [SUPPORTED, REFUTED]
        assert verdicts[2] != REFUTED


@pytest.mark.parametrize("on", ["mean", "trained", None])
def test_a_failed_run_without_a_figure_decides_nothing_by_itself(on):
    """Of a metric without a worst value, it counts as the worst run that was seen."""
    objective = {"metric": "rmse", "title": "RMSE", "unit": "mpg", "direction": "minimize"}
    rmse = 3.0 + SPREAD / 10
    lacking = np.where(np.arange(8) == 2, np.nan, rmse)
    parts = [
        rows(arm, 50.0, seeds=SEEDS[:8], trained=np.isfinite(values)).assign(
            test_rmse=values, valid_rmse=rmse
        )
        for arm, values in (("a", lacking), ("b", rmse[::-1] + 0.01))
    ]
    alike = {**BETTER, "on": on} if on else BETTER
    below = {"type": "level", "arm": "a", "at_most": 2.0} | ({"on": on} if on else {})
    found = judge(frame(*parts), alike, below, objective=objective)
    assert found.tests[0].verdict in (OPEN, EQUIVALENT)
    assert found.tests[1].verdict in (OPEN, REFUTED)


def test_where_fewer_than_two_runs_train_a_figure_is_held_against_half_of_them():
    few = frame(rows("a", [33.3] * 15 + [95.0], trained=[False] * 15 + [True], seeds=range(16)))
    found = single(few, level(at_least=90.0))
    assert (found.verdict, found.bound) == (REFUTED, 50.0)


def test_the_rule_is_stated():
    named = (SUPPORTED, REFUTED, EQUIVALENT, OPEN)
    for words in ("95 % interval", "Student's t", "Holm", "0.05", *named):
        assert words in RULE
