"""How the sweeps were made."""

from __future__ import annotations

from pages import texts

from ibsweep.analysis.report.provenance import settings_rows, sweeps_table


def test_the_sweeps_and_how_they_were_made(evidence):
    table = sweeps_table(evidence)
    assert texts(table, "sweep") == ["duel_cnn-1", "duel_mlp-1"]
    assert texts(table, "complete") == ["3", "3"]
    assert texts(table, "confirmation seeds") == ["1000010 to 1000017"] * 2
    facts = dict(settings_rows(evidence))
    assert facts["command"] == [
        ("duel_cnn", "ibsweep tune duel_cnn"),
        ("duel_mlp", "ibsweep tune duel_mlp"),
    ]
    ((arms, budget),) = facts["budget"]  # common to both
    assert arms == ""
    assert budget.startswith("5 trials of 4 replicates; 2 leaders")
    assert "resumed" not in facts
