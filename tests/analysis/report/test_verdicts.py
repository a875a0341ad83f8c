"""The tables of claims."""

from __future__ import annotations

from pages import texts

from ibsweep.analysis.report import verdicts
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
