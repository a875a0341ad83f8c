"""The tables of claims."""

from __future__ import annotations

from dataclasses import replace

from pages import column, texts

from ibsweep.analysis.claims import Verdict
from ibsweep.analysis.report import verdicts
from ibsweep.analysis.report.cells import SIGNS
from ibsweep.analysis.report.verdicts import claims_table


def test_the_verdicts(evidence):
    table = claims_table([evidence])
    assert texts(table, "verdict") == ["supported", "supported", "refuted"]
    assert "+30.00 points" in texts(table, "in figures")[0]
    tests = [verdicts.claim_tests_table(evidence, result) for result in evidence.claims]
    assert [texts(test, "what must hold") for test in tests] == [
        ["duel_cnn over duel_mlp: more than 0 points"],
        ["duel_mlp needs more images than duel_cnn for 85 %"],
        [
            "duel_mlp, best: at least 90 %",
            "duel_mlp (batch_size 5), best: below 99 % with 100 images per class",
        ],
    ]
    for result, test in zip(evidence.claims, tests, strict=True):
        assert texts(test, "effect") == [f"{each.effect:.2f}" for each in result.tests]
        assert texts(test, "verdict") == [each.verdict.value for each in result.tests]


def judged(evidence, verdict, **test):
    """Return the first claim as if it had come out so."""
    result = evidence.claims[0]
    changed = replace(result.tests[0], verdict=verdict, **test)
    return replace(result, verdict=verdict, tests=(changed,))


def test_all_five_verdicts_are_counted_in_words(evidence):
    results = [judged(evidence, verdict) for verdict in (*Verdict, Verdict.NOT_TESTED)]
    assert verdicts.count_verdicts(results) == (
        "1 supported, 1 refuted, 1 equivalent, 1 open, 2 not tested"
    )
    table = claims_table([replace(evidence, claims=tuple(results))])
    assert texts(table, "verdict")[2:5] == ["equivalent", "open", "not tested"]
    signs = {SIGNS[cell.verdict] for cell in column(table, "verdict")}
    assert len(signs) == 5


def test_open_says_what_it_would_take(evidence):
    result = judged(evidence, Verdict.OPEN, needed="about 36 replicates: `ibsweep settle duel`")
    table = claims_table([replace(evidence, claims=(result,))])
    last = texts(table, "in figures")[0].splitlines()[-1]
    assert last == "To settle it: about 36 replicates: `ibsweep settle duel`"
    assert all(not verdicts.what_it_takes(result) for result in evidence.claims)


def test_a_test_says_of_what_it_speaks_and_what_it_is_based_on(evidence):
    plain = verdicts.claim_tests_table(evidence, evidence.claims[0])
    assert texts(plain, "speaks of the") == ["mean of all runs"]
    assert texts(plain, "based on") == ["8 replicates"]
    assert texts(plain, "equivalent within") == ["1"]
    assert "holds in a new sweep" not in plain.columns
    result = judged(
        evidence,
        Verdict.SUPPORTED,
        on="rate and trained",
        unit_of="sweep",
        replicates=3,
        look=None,
        holds_again=0.87,
    )
    table = verdicts.claim_tests_table(evidence, result)
    assert texts(table, "speaks of the") == ["rate of runs that train, and mean of these"]
    assert texts(table, "based on") == ["3 sweeps"]
    assert texts(table, "holds in a new sweep") == ["87 %"]
    later = judged(evidence, Verdict.SUPPORTED, replicates=24, look=3)
    table = verdicts.claim_tests_table(evidence, later)
    assert texts(table, "based on") == ["24 replicates, look 3"]
