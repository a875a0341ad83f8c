"""How the sweeps were made."""

from __future__ import annotations

from dataclasses import replace

from pages import texts

from ibsweep.analysis.report.provenance import settings_rows, sweeps_table


def test_the_sweeps_and_how_they_were_made(evidence):
    table = sweeps_table(evidence)
    assert texts(table, "sweep") == ["duel_cnn-1", "duel_mlp-1"]
    assert texts(table, "complete") == ["3", "3"]
    assert texts(table, "replicate seeds") == ["10 to 13"] * 2
    assert texts(table, "seeds that score") == ["1000010 to 1000017"] * 2
    facts = dict(settings_rows(evidence))
    assert facts["command"] == [
        ("duel_cnn", "ibsweep tune duel_cnn"),
        ("duel_mlp", "ibsweep tune duel_mlp"),
    ]
    ((arms, budget),) = facts["budget"]  # common to both
    assert arms == ""
    assert budget == (
        "5 trials of 4 replicates; 2 leaders and the baseline chosen among and scored by the same "
        "8 fresh replicates"
    )
    assert "resumed" not in facts


def test_choice_and_score_are_told_apart(evidence):
    made = {"choice_replicates": 4}
    manifests = {
        arm: manifest.model_copy(update=made) for arm, manifest in evidence.manifests.items()
    }
    found = replace(evidence, manifests=manifests)
    table, score = sweeps_table(found), manifests["duel_cnn"].confirmation_seeds
    assert texts(table, "replicate seeds") == ["10 and 3 more"] * 2
    assert texts(table, "seeds that score") == [f"{score[0]} and 7 more"] * 2
    ((_, budget),) = dict(settings_rows(found))["budget"]
    assert budget.endswith(
        "2 leaders and the baseline compared on 4 fresh replicates, the best and the baseline "
        "scored by 8 others"
    )
