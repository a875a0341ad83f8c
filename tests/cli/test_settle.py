"""``ibsweep settle`` on the command line: what it is given, and what it says without training."""

from __future__ import annotations

import json

import open_claims
import pytest
import tiny

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load
from ibsweep.cli import run
from ibsweep.sweep.settle_plan import Trained
from ibsweep.sweep.settle_sides import open_tests


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pair", "--max-replicates", "0"], "`--max-replicates` must be at least 1, but got 0"),
        (["pair", "--max-time", "soon"], "a duration is such as 90, 90s, 5m or 1.5h"),
        (["piar"], "no question or claim 'piar' of a finished sweep in results: did you mean"),
        (["pair_god_wins"], "did you mean 'pair_good_wins'?"),
        (["nosuch.yaml"], "nosuch.yaml"),
    ],
)
def test_wrong_input_is_told_in_a_line(folder, capsys, words, message):
    open_claims.add_sweeps(folder / "results")
    assert run(["settle", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_without_a_finished_sweep_tune_comes_first(folder, capsys):
    (folder / "results").mkdir()
    assert run(["settle", "all"]) == 2
    assert "`ibsweep tune` comes first" in capsys.readouterr().err


def test_what_is_not_tested_says_the_command_that_makes_it_testable(folder, capsys):
    """No Ray is started where there is nothing to train."""
    stores = open_claims.add_sweeps(folder / "results")
    stores["pair_good"].paths.best_config.unlink()
    assert run(["settle", "pair_good_wins"]) == 0
    out, err = capsys.readouterr()
    assert "pair_good_wins: not tested (nothing was trained; " in out
    assert "`ibsweep tune" in out
    assert err == ""


def test_a_budget_without_a_further_look_trains_nothing_and_says_what_it_takes(folder, capsys):
    stores = open_claims.add_sweeps(folder / "results")
    assert run(["settle", "pair", "--max-replicates", str(open_claims.SCORED), "--json"]) == 0
    out, _ = capsys.readouterr()
    claims = json.loads(out)["claims"]
    assert [one["claim"] for one in claims] == ["pair_good_wins", "pair_idle_is_perfect"]
    for one in claims:
        assert (one["before"], one["after"], one["spent"]) == ("open", "open", 0)
        assert all(test["needed"] for test in one["tests"])
    assert len(open_claims.score_seeds(stores["pair_good"])) == open_claims.SCORED


def test_a_claim_that_rests_on_an_older_repeat_alone_is_settled_by_that(folder, capsys):
    """The newest sweep of an arm has no configuration with the values that the claim names."""
    stores = open_claims.add_sweeps(folder / "results")
    older = stores["pair_idle"]
    newest = open_claims.add_repeat(older, seed=11, lr=0.5)
    for store in (*stores.values(), newest):
        question = json.loads(json.dumps(store.manifest.question))
        question["claims"][1]["tests"][0]["where"] = {"lr": 1e-6}
        store.update_manifest(store.manifest.model_copy(update={"question": question}))
    words = ["pair_idle_is_perfect", "--max-replicates", str(open_claims.SCORED)]
    assert run(["settle", *words]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("pair_idle_is_perfect: open (nothing was trained; it takes ")
    evidence = gather(load(folder / "results"))["pair"]
    assert evidence.manifests["pair_idle"].name == newest.manifest.name
    (test,) = open_tests(evidence.claims[1], evidence)
    assert test.sides == (Trained(older.manifest.name, 0, 10),)
    assert (test.next_look, test.last_look) == (8, 32)


def test_what_an_older_format_scored_and_chose_on_the_same_replicates_is_refused(folder, capsys):
    for store in open_claims.add_sweeps(folder / "results").values():
        store.update_manifest(
            store.manifest.model_copy(update={"format": 3, "choice_replicates": None})
        )
        (trial,) = store.trials()
        for path in (store.paths.proposals, store.paths.trials):
            path.unlink()
        tiny.add_trial(store, trial)
        seeds = store.manifest.confirmation_seeds
        old = [
            row.model_copy(update={"purpose": None, "seed": seed})
            for row, seed in zip(store.confirmations()[2:], seeds, strict=True)
        ]
        store.paths.confirmations.unlink()
        store.add_confirmations(old)
    assert run(["settle", "pair_good_wins"]) == 0
    out, _ = capsys.readouterr()
    assert "pair_good-1 and pair_idle-1 chose and scored the best on the same replicates" in out
    assert "`ibsweep tune pair_good pair_idle` first" in out
