"""Several objectives: what is proposed for them, and a sweep from its file to its front."""

from __future__ import annotations

import json

import optuna
import pytest
import tiny
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from questions import arm_mapping, question_mapping, write_question
from typer.testing import CliRunner

import ibsweep
from ibsweep.cli import app
from ibsweep.errors import InputError
from ibsweep.questions.schema import Objective, Question
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.sampler_choice import SAMPLERS
from ibsweep.sweep.study_export import export_study

ACCURACY, PARAMETERS = (Objective.model_validate(name) for name in ("accuracy", "parameters"))
BOTH = (ACCURACY, PARAMETERS)
SEVERAL = [name for name in SAMPLERS if name != "cmaes"]


def make(sampler, proposals=(), rows=(), trials=60):
    manifest = tiny.manifest(sampler=sampler, trials=trials)
    return Proposer(tiny.arm(), ACCURACY, manifest, proposals, rows, None, further=[PARAMETERS])


def row(proposal, state=TrialState.COMPLETE):
    """Small rates are accurate and dear, large ones the other way round."""
    dear = 1 / proposal.config["lr"]
    found = tiny.trial(
        proposal.trial,
        proposal.config,
        accuracy=40 + dear / 20 + proposal.config["epochs"] / 10,
        state=state,
        origin=proposal.origin,
    )
    if state == TrialState.FAIL:
        return found
    return found.model_copy(update={"valid": {**found.valid, "parameters": dear}})


def run(proposer, count):
    """Propose and finish; every fifth trial is pruned and every seventh fails."""
    proposals, rows = [], []
    for _ in range(count):
        proposal, _ = proposer.propose()
        state = TrialState.PRUNED if proposal.trial % 5 == 4 else TrialState.COMPLETE
        state = TrialState.FAIL if proposal.trial % 7 == 6 else state
        finished = row(proposal, state)
        proposer.tell(finished)
        proposals.append(proposal)
        rows.append(finished)
    return proposals, rows


@pytest.mark.parametrize("sampler", SEVERAL)
def test_a_study_of_several_objectives_hears_of_all(sampler):
    count = 12 if sampler in ("gp", "grid") else 30
    live = make(sampler)
    proposals, rows = run(live, count)
    assert [one.name for one in live.study.directions] == ["MAXIMIZE", "MINIMIZE"]
    for trial, finished in zip(live.study.get_trials(), rows, strict=True):
        assert trial.state.name == finished.state
        complete = finished.state == TrialState.COMPLETE
        expected = [finished.figure("valid_accuracy"), finished.figure("valid_parameters")]
        assert trial.values == (expected if complete else None)
    front = live.study.best_trials
    assert {trial.state.name for trial in front} == {"COMPLETE"}
    rebuilt = make(sampler, proposals, rows)
    for ours, theirs in zip(rebuilt.study.get_trials(), live.study.get_trials(), strict=True):
        assert (ours.params, ours.state, ours.values) == (
            theirs.params,
            theirs.state,
            theirs.values,
        )
    proposed = rebuilt.propose()
    assert proposed is not None
    assert proposed[0].trial == count


def test_tpe_searches_several_objectives_as_optuna_itself_does():
    manifest = make_manifest(
        "several",
        Question.model_validate(SMALL),
        Question.model_validate(SMALL).arms["tiny_cnn"],
        SweepOptions(),
        ["tune"],
    )
    assert manifest.sampler["multivariate"] is False, "Optuna's default for several"
    assert manifest.pruner["name"] == "none", "the first objective would prune what is cheap"
    assert tiny.manifest().sampler["multivariate"] is True
    assert tiny.manifest().pruner["name"] == "asha"


def test_trials_of_an_earlier_sweep_are_observations_of_all_objectives():
    _, rows = run(make("tpe"), 12)
    observations = [
        {
            "state": row.state.value,
            "config": row.config,
            "values": [row.figure(one.valid) for one in BOTH],
            "epoch": row.epochs,
        }
        for row in rows
        if row.state != TrialState.FAIL
    ]
    earlier = ({"sweep": "before", "configs": [], "observations": observations},)
    manifest = tiny.manifest(trials=5).model_copy(update={"earlier": earlier})
    proposer = Proposer(tiny.arm(), ACCURACY, manifest, further=[PARAMETERS])
    assert len(proposer.study.get_trials()) == len(observations) == 11
    assert {len(t.values) for t in proposer.study.get_trials() if t.values} == {2}
    assert [proposer.propose()[0].trial for _ in range(3)] == [0, 1, 2]


def test_a_generation_outlives_an_interruption():
    live = make("nsga2", trials=200)
    proposals, rows = run(live, 50)
    rebuilt = make("nsga2", proposals, rows, trials=200)
    run(rebuilt, 1)
    sampler, study = rebuilt.study.sampler, rebuilt.study
    newest = study.get_trials()[-1]
    generation = sampler.get_trial_generation(study, newest)
    assert generation == 1
    assert len(sampler.get_parent_population(study, generation)) == 20


def test_what_searches_for_one_objective_is_refused_with_what_can():
    question = Question.model_validate(SMALL)
    with pytest.raises(InputError, match="searches for one objective, and there are 3: tpe"):
        make_manifest(
            "no", question, question.arms["tiny_cnn"], SweepOptions(sampler="cmaes"), ["tune"]
        )


def test_optuna_opens_a_study_of_several_objectives(tmp_path):
    _, rows = run(make("random"), 20)
    export_study(tmp_path / "study.log", "several", tiny.arm(), BOTH, rows)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    study = optuna.load_study(study_name="several", storage=storage)
    assert [one.name for one in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.state.name for trial in study.trials] == [one.state for one in rows]
    assert study.best_trials
    study.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=5)
    asked = study.ask(study.trials[0].distributions)
    assert set(asked.params) == set(tiny.arm().space)


SMALL = question_mapping(
    objective=None,
    objectives=["accuracy", "parameters", "image_epochs"],
    metrics=["training_examples"],
    split={"train": [5, 10], "valid": 20, "test": 50, "per": "class"},
    arms={
        "tiny_cnn": arm_mapping(
            train_size=None,
            model="wider_cnn",
            fixed={"kernel_size": 3, "batch_size": 5},
            space={
                "lr": {"type": "float", "low": 1e-3, "high": 0.1, "log": True},
                "epochs": {"type": "int", "low": 2, "high": 16},
                "num_filters": {"type": "int", "low": 1, "high": 4},
                "train_size": {"type": "categorical", "choices": [5, 10]},
            },
            baseline={"lr": 0.05, "epochs": 8, "num_filters": 2, "train_size": 5},
        )
    },
)


@pytest.mark.slow
def test_a_sweep_finds_confirms_and_shows_its_front(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_question(tmp_path, SMALL)
    budget = ["--trials", "8", "--replicates", "2", "--confirm", "3", "--pruner", "asha"]
    budget += ["--choice-replicates", "2", "--confirm-replicates", "3", "--name", "front"]
    ran = CliRunner().invoke(app, ["tune", str(file), *budget, "--json", "--quiet"])
    assert ran.exit_code == 0, ran.output
    (document,) = json.loads(ran.stdout)["sweeps"]
    front = document["front"]
    assert front[0]["config"] == document["best"]["config"]
    assert all(0 <= point["undominated"] <= 1 for point in front)

    store = SweepStore(tmp_path / "results" / "front")
    finished = {one.trial: one for one in store.trials()}
    for one in finished.values():
        if one.state == TrialState.COMPLETE:
            examples = 3 * one.config["train_size"]
            assert one.figure("valid_training_examples") == examples
            assert one.figure("valid_image_epochs") == examples * one.epochs
    rows = store.confirmations()
    assert all(r.train_size == finished[r.trial].config["train_size"] for r in rows)
    scored = {r.trial for r in rows if r.purpose == "score"}
    assert {point["trial"] for point in front} <= scored
    assert 0 in scored, "the baseline"

    best = yaml.safe_load(store.paths.best_config.read_text())
    assert [point["trial"] for point in best["front"]] == [point["trial"] for point in front]
    assert best["trial"] == front[0]["trial"]
    assert all(store.paths.model(point["trial"]).exists() for point in front)

    results = ibsweep.load(tmp_path / "results")
    assert not results.what_is_wrong()
    frame = results.front("tiny_cnn")
    assert frame["trial"].tolist() == [point["trial"] for point in front]
    assert frame["test_parameters"].tolist() == [p["test_parameters"]["mean"] for p in front]

    again = CliRunner().invoke(app, ["resume", "front", "--trials", "10", "--quiet"])
    assert again.exit_code == 0, again.output
    assert len(store.trials()) == 10
    shown = CliRunner().invoke(app, ["report", "--out", "pages"])
    assert shown.exit_code == 0, shown.output
    assert "Front of tiny_cnn" in shown.stdout
    page = (tmp_path / "pages" / "tiny.html").read_text()
    assert "The leaders of a sweep are its front" in page
    assert "fig-front-parameters" in page
    assert "fig-front-image_epochs" in page
    assert "fig-hypervolume-tiny_cnn" in page
