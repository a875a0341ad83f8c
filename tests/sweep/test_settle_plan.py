"""What is trained next for open claims, from what they compare and need."""

from __future__ import annotations

from ibsweep.analysis.statistics import look_sizes
from ibsweep.sweep.settle_plan import OpenTest, Trained, next_batch

PLAIN, WIDER, DEEPER = (Trained(f"q7_{arm}-1", 3, 30) for arm in ("simple", "wider", "deeper"))
TUNED = dict.fromkeys((PLAIN, WIDER, DEEPER), 16)
"""As `tune` leaves them."""
LOOKS = look_sizes(16)


def open_test(claim, *sides, needed=None, have=16):
    """Return a test of which there are so many common replicates."""
    later = [look for look in LOOKS if look > have]
    return OpenTest(claim, sides, later[0] if later else None, LOOKS[-1], needed)


def test_a_claim_is_brought_to_its_next_look():
    tests = [open_test("wider", WIDER, PLAIN, needed=60)]
    assert next_batch(tests, TUNED, None) == {WIDER: 24, PLAIN: 24}


def test_nothing_is_trained_beyond_the_last_look_or_the_budget():
    tests = [open_test("wider", WIDER, PLAIN, needed=20, have=128)]
    assert next_batch(tests, dict.fromkeys(TUNED, 128), None) == {}
    tests = [open_test("wider", WIDER, PLAIN, needed=20)]
    assert next_batch(tests, TUNED, 24) == {WIDER: 24, PLAIN: 24}
    assert next_batch(tests, TUNED, 23) == {}, "more replicates without a look decide nothing"


def test_the_claim_that_needs_the_fewest_comes_first():
    tests = [
        open_test("wider", WIDER, PLAIN, needed=90),
        open_test("deeper", DEEPER, PLAIN, needed=20),
    ]
    assert next_batch(tests, TUNED, None) == {DEEPER: 24, PLAIN: 24}


def test_replicates_of_a_configuration_serve_every_claim_on_it():
    trained = TUNED | {DEEPER: 56, PLAIN: 56}
    tests = [open_test("wider", WIDER, PLAIN, needed=90)]
    assert next_batch(tests, trained, None) == {WIDER: 24}


def test_a_claim_beyond_the_budget_waits_for_all_others():
    tests = [
        open_test("wider", WIDER, PLAIN, needed=40),
        open_test("deeper", DEEPER, PLAIN, needed=30),
        open_test("level", PLAIN, needed=None),
    ]
    assert next_batch(tests, TUNED, 36) == {DEEPER: 24, PLAIN: 24}
    trained = TUNED | {DEEPER: 36, PLAIN: 36}
    assert next_batch(tests[:1], trained, 36) == {WIDER: 24}, "nothing else is left"


def test_a_claim_that_needs_more_than_its_last_look_has_waits_too():
    tests = [
        open_test("wider", WIDER, PLAIN, needed=129),
        open_test("deeper", DEEPER, PLAIN, needed=128),
    ]
    assert next_batch(tests, TUNED, 1000) == {DEEPER: 24, PLAIN: 24}
    assert not tests[0].within(None)


def test_a_claim_needs_what_the_hardest_of_its_tests_needs():
    tests = [
        open_test("both", WIDER, PLAIN, needed=10),
        open_test("both", DEEPER, PLAIN, needed=100),
        open_test("one", WIDER, needed=50),
    ]
    assert next_batch(tests, TUNED, None) == {WIDER: 24}


def test_a_batch_brings_every_test_of_its_claim_to_its_own_look():
    tests = [
        open_test("both", WIDER, PLAIN, needed=10),
        open_test("both", DEEPER, needed=10, have=36),
    ]
    trained = {WIDER: 16, PLAIN: 24, DEEPER: 36}
    assert next_batch(tests, trained, None) == {WIDER: 24, DEEPER: 56}


def test_an_interrupted_batch_is_completed_first():
    tests = [open_test("wider", WIDER, PLAIN, needed=60)]
    assert next_batch(tests, TUNED | {WIDER: 24}, None) == {PLAIN: 24}
    assert next_batch(tests, TUNED | {WIDER: 24, PLAIN: 20}, None) == {PLAIN: 24}


def test_training_sets_of_other_sizes_are_trained_apart():
    curve = tuple(side._replace(train_size=n) for side in (PLAIN, WIDER) for n in (10, 30))
    tests = [open_test("sizes", *curve, needed=30)]
    assert next_batch(tests, dict.fromkeys(curve, 16), None) == dict.fromkeys(curve, 24)


def test_a_claim_whose_replicates_do_not_count_holds_up_no_other():
    """Its sides may share no seeds, or a figure may be missing: then its look never comes."""
    tests = [
        open_test("stuck", WIDER, needed=10),
        open_test("deeper", DEEPER, needed=20),
    ]
    assert next_batch(tests, TUNED | {WIDER: 24}, None) == {DEEPER: 24}
    assert next_batch(tests[:1], TUNED | {WIDER: 24}, None) == {}


def test_batch_after_batch_ends_at_the_budget():
    """Whatever claims need, each configuration ends at the last look that is allowed."""
    compared = {"wider": (WIDER, PLAIN), "deeper": (DEEPER, PLAIN)}
    needs = {"wider": 500, "deeper": None}
    trained, batches = dict(TUNED), 0

    def tests():
        return [
            open_test(c, *sides, needed=needs[c], have=min(trained[side] for side in sides))
            for c, sides in compared.items()
        ]

    while batch := next_batch(tests(), trained, 60):
        assert all(count > trained[side] for side, count in batch.items())
        trained |= batch
        batches += 1
    assert trained == dict.fromkeys(TUNED, 56)
    assert batches == 6
