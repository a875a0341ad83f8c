"""Whole sweeps on a real Ray, in this process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress

import optuna
import psutil
import pytest
import ray
import tiny
import torch
from ray._private.state import actors

from ibsweep.analysis.summary import summarise
from ibsweep.cli import run
from ibsweep.cli.run_sweeps import _pass_over
from ibsweep.errors import InputError
from ibsweep.models.settings import resolve
from ibsweep.results.journal import rewrite_rows
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.progress import Progress
from ibsweep.sweep.runner import run_sweep
from ibsweep.trial.plan import TrialPlan
from ibsweep.trial.run import TrialRun

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_local")]

BUDGET = {
    "trials": 12,
    "replicates": 2,
    "confirm": 2,
    "choice_replicates": 3,
    "confirm_replicates": 2,
}


def sweep(folder, *, arm=None, **options) -> SweepStore:
    """Run a sweep over ``tiny_cnn``, or over another arm, to its end."""
    store = SweepStore.create(folder, tiny.manifest(arm=arm, **{**BUDGET, **options}))
    run_sweep(store, Progress())
    return store


@pytest.fixture(scope="module")
def finished(ray_local, tmp_path_factory) -> SweepStore:
    return sweep(tmp_path_factory.mktemp("finished"), seed=16)  # of which half are pruned


def test_every_trial_is_there_once_and_the_baseline_is_first(finished):
    rows = sorted(finished.trials(), key=lambda row: row.trial)
    assert [row.trial for row in rows] == list(range(12))
    assert [row.origin for row in rows] == ["baseline"] + ["tpe"] * 11
    assert rows[0].config == tiny.arm().baseline
    assert rows[0].state == TrialState.COMPLETE
    states = {row.state for row in rows}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    for row in rows:
        assert row.epochs == row.rungs[-1][0]
        assert tuple(r.seed for r in row.replicates) == finished.manifest.replicate_seeds
        if row.state == TrialState.PRUNED:
            assert row.epochs in finished.manifest.pruner["rungs"]
            assert f"rung of {row.epochs} epochs" in row.reason
        else:
            assert row.epochs == row.config["epochs"]


def test_the_confirmation_scores_training_validation_and_test_images(finished):
    rows = finished.confirmations()
    assert {row.train_size for row in rows} == {10}
    for row in rows:
        scores = row.purpose == "score"
        for accuracy, images in (
            (row.figure("train_accuracy"), 30),
            (row.figure("valid_accuracy"), 60),
            *([(row.figure("test_accuracy"), 150)] if scores else []),
        ):
            right = accuracy * images / 100
            assert right == pytest.approx(round(right))
        if not scores:  # what only chose has no figure that could be read as a score
            assert (row.test, row.test_confusion) == ({}, None)
            continue
        confusion = row.test_confusion
        right = sum(confusion[i][i] for i in range(3))
        assert row.figure("test_accuracy") == pytest.approx(100 * right / 150)


def test_efficiency_trains_the_best_at_other_sizes_once(finished, tmp_path, capsys):
    store = SweepStore(shutil.copytree(finished.paths.root, tmp_path / "results" / "tiny"))
    before, best = store.confirmations(), summarise(store).best
    words = ["efficiency", "tiny", "--results", str(tmp_path / "results"), "--quiet"]
    assert run(words) == 0
    table = capsys.readouterr().out
    rows = store.confirmations()
    assert rows[: len(before)] == before
    added = rows[len(before) :]
    assert {row.trial for row in added} == {best.trial.trial}
    seeds = store.manifest.confirmation_seeds
    assert sorted((r.train_size, r.seed) for r in added) == [
        (n, s) for n in (20, 40) for s in seeds
    ]
    for images in (20, 40):
        trained = [r for r in added if r.train_size == images and r.trained]
        figures = [row.figure("test_accuracy") for row in trained]
        mean = f"{sum(figures) / len(figures):.2f}" if figures else "0 of 2 train"
        assert mean in table, "the mean of the runs that train"
    assert summarise(store).best == best
    assert run(words) == 0
    assert store.confirmations() == rows
    capsys.readouterr()
    assert run(["efficiency", "tiny_cn", *words[2:]]) == 2
    assert "did you mean 'tiny_cnn' or 'tiny'?" in capsys.readouterr().err
    assert run(["efficiency", "all", "--results", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_efficiency_trains_what_a_stopped_settlement_has_left_out(finished, tmp_path):
    store = SweepStore(shutil.copytree(finished.paths.root, tmp_path / "results" / "tiny"))
    words = ["efficiency", "tiny", "--train-size", "20", "--results", str(tmp_path / "results")]
    assert run([*words, "--quiet"]) == 0
    rows = store.confirmations()
    gone = next(row for row in rows if row.train_size == 20)
    *_, later = store.manifest.score_seeds(BUDGET["confirm_replicates"] + 1)
    kept = [row for row in rows if row != gone] + [gone.model_copy(update={"seed": later})]
    rewrite_rows(store.paths.confirmations, kept, store.manifest.seal)
    assert run([*words, "--quiet"]) == 0
    *before, added = store.confirmations()
    assert before == kept
    assert added.model_copy(update={"seconds": gone.seconds}) == gone
    assert run([*words, "--quiet"]) == 0
    assert store.confirmations() == [*before, added], "nothing is missing any more"


def test_resume_all_completes_every_unfinished_sweep(finished, tmp_path, capsys):
    shutil.copytree(finished.paths.root, tmp_path / "tiny")
    before = (tmp_path / "tiny" / "manifest.json").read_bytes()
    for name in ("one", "two"):
        options = {**BUDGET, "trials": 2, "pruner": "none"}
        SweepStore.create(tmp_path, tiny.manifest(name, **options))
    words = ["resume", "all", "--results", str(tmp_path), "--quiet", "--json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert [sweep["sweep"] for sweep in document["sweeps"]] == ["one", "two"]
    for name in ("one", "two"):
        store = SweepStore(tmp_path / name)
        assert store.paths.best_config.exists()
        assert len(store.manifest.resumed) == 1
    assert (tmp_path / "tiny" / "manifest.json").read_bytes() == before
    assert run(words) == 2
    assert "is unfinished" in capsys.readouterr().err


def test_a_reused_worker_trains_as_a_fresh_process_does_bit_for_bit(finished):
    question = tiny.question()
    arm = question.arms["tiny_cnn"]
    for row in finished.trials():
        plan = TrialPlan(
            trial=row.trial,
            model=arm.model,
            data=question.data,
            train_size=arm.train_size,
            settings=resolve(arm.model, arm.fixed, row.config),
            seeds=finished.manifest.replicate_seeds,
            rungs=[epoch for epoch, _ in row.rungs],
        )
        run = TrialRun(plan)
        while run.trainer.epoch < row.epochs:
            curve = run.advance()
        assert curve.replicates == row.replicates


def test_the_study_is_there_for_optunas_own_tools(finished):
    backend = optuna.storages.journal.JournalFileBackend(str(finished.paths.study))
    study = optuna.load_study(
        study_name=finished.manifest.name, storage=optuna.storages.JournalStorage(backend)
    )
    rows = {row.trial: row for row in finished.trials()}
    assert len(study.trials) == 12
    for trial in study.trials:
        row = rows[trial.user_attrs["trial"]]
        assert trial.state.name == row.state
        assert trial.params == row.config
        assert trial.intermediate_values == dict(row.rungs)


def test_the_summary_tells_what_was_confirmed(finished):
    summary = summarise(finished)
    assert summary.state == "done"
    assert summary.confirmed_baseline is not None
    assert len(summary.confirmed) in (2, 3)
    best, manifest = summary.best, finished.manifest
    assert best.valid.mean == max(c.valid.mean for c in summary.confirmed)
    assert tuple(row.seed for row in best.choice) == manifest.choice_seeds
    assert tuple(row.seed for row in best.rows) == manifest.confirmation_seeds
    scored = {c.trial.trial for c in summary.confirmed if c.rows}
    assert scored == {best.trial.trial, summary.baseline.trial}
    seeds = (*manifest.replicate_seeds, *manifest.choice_seeds, *manifest.confirmation_seeds)
    assert len(set(seeds)) == len(seeds)


def test_a_finished_sweep_is_not_run_again(finished):
    before = finished.paths.trials.read_bytes(), finished.paths.confirmations.read_bytes()
    run_sweep(finished, Progress())
    assert before == (
        finished.paths.trials.read_bytes(),
        finished.paths.confirmations.read_bytes(),
    )


@pytest.mark.parametrize("again", [run_sweep, _pass_over])
def test_what_a_kill_at_the_very_end_left_out_is_completed(finished, again):
    """Of a sweep whose best is written, neither Python nor the command line runs anything more."""
    before = finished.paths.study.read_bytes()
    finished.paths.study.unlink()
    finished.paths.tune.mkdir()
    again(finished, Progress())
    assert len(finished.paths.study.read_bytes().splitlines()) == len(before.splitlines())
    assert not finished.paths.tune.exists()


def test_nothing_of_ray_is_kept(finished):
    kept = {path.name for path in finished.paths.root.rglob("*")}
    assert not {name for name in kept if name.endswith((".pkl", ".pickle"))}
    assert not finished.paths.tune.exists()


@pytest.mark.parametrize("sampler", ["random", "grid", "gp", "cmaes"])
def test_every_sampler_and_pruner_ends_its_sweep(tmp_path, sampler):
    pruner = {"random": "none", "grid": "median", "gp": "hyperband", "cmaes": "asha"}[sampler]
    store = sweep(tmp_path, sampler=sampler, pruner=pruner, trials=6, confirm=1)
    rows = store.trials()
    assert len(rows) == 6
    assert {row.origin for row in rows} == {"baseline", sampler}
    if pruner == "none":
        assert {row.state for row in rows} == {TrialState.COMPLETE}


def test_trials_that_diverge_fail_and_impossible_ones_are_not_proposed(tmp_path):
    """The space holds learning rates that explode and kernels that no image can hold."""
    arm = tiny.arm(
        fixed={"epochs": 6, "batch_size": 5, "num_filters": 3},
        space={
            "lr": {"type": "categorical", "choices": [0.01, 1e30]},
            "kernel_size": {"type": "categorical", "choices": [3, 99]},
        },
        baseline={"lr": 0.01, "kernel_size": 3},
    )
    store = sweep(tmp_path, arm=arm, trials=10)
    rows = {(row.config["lr"], row.config["kernel_size"]): row for row in store.trials()}
    assert rows.keys() == {(0.01, 3), (1e30, 3)}, "of four configurations two can be trained"
    assert rows[0.01, 3].state == TrialState.COMPLETE
    exploded = rows[1e30, 3]
    assert exploded.state == TrialState.FAIL
    assert "every replicate diverged" in exploded.reason
    assert exploded.figure("valid_accuracy") is None
    assert all(r.diverged_epoch for r in exploded.replicates)


@pytest.mark.slow
def test_a_worker_killed_under_a_trial_costs_nothing(tmp_path):
    arm = tiny.arm(
        space={
            "lr": {"type": "float", "low": 1e-3, "high": 0.1, "log": True},
            "epochs": {"type": "int", "low": 3000, "high": 4000},  # a second or two
            "batch_size": {"type": "categorical", "choices": [5, 10]},
        },
        baseline={"lr": 0.01, "epochs": 3000, "batch_size": 10},
    )
    killed = []

    def kill_workers() -> None:
        deadline = time.monotonic() + 60
        while len(killed) < 3 and time.monotonic() < deadline and not over.is_set():
            for process in psutil.Process().children(recursive=True):  # never another sweep's
                with suppress(psutil.NoSuchProcess):
                    if "Trainable.train" in " ".join(process.cmdline()):
                        process.kill()
                        killed.append(process.pid)
                        time.sleep(0.7)
                        break
            time.sleep(0.05)

    over = threading.Event()
    killer = threading.Thread(target=kill_workers)
    killer.start()
    store = sweep(tmp_path, arm=arm, trials=6)
    over.set()
    killer.join()
    assert len(killed) >= 1
    rows = store.trials()
    assert sorted(row.trial for row in rows) == list(range(6))
    assert {row.state for row in rows} <= {TrialState.COMPLETE, TrialState.PRUNED}
    curves = [(c.trial, c.epoch) for c in store.curves()]
    assert len(curves) == len(set(curves))


def test_four_trials_at_a_quarter_each_run_at_once_on_a_declared_gpu(tmp_path):
    at_once = set()

    def look(over):
        while not over.wait(0.05):
            living = [one for one in actors().values() if one["State"] == "ALIVE"]
            at_once.add(sum("Trainable" in one["ActorClassName"] for one in living))

    arm = tiny.arm(
        space={"lr": {"type": "float", "low": 1e-3, "high": 0.1, "log": True}},
        fixed={"kernel_size": 3, "epochs": 1500, "batch_size": 10},
        baseline={"lr": 0.01},
    )
    over = threading.Event()
    watcher = threading.Thread(target=look, args=(over,))
    watcher.start()
    try:
        options = {"trials": 8, "confirm": 1, "pruner": "none", "cpus_per_trial": 0.25}
        store = sweep(tmp_path, arm=arm, gpus_per_trial=0.25, **options)
    finally:
        over.set()
        watcher.join()
    assert max(at_once) == 4, "there would be CPUs for eight"
    assert len(store.trials()) == 8
    assert {row.device for row in store.trials()} == {"cpu"}, "the GPU exists on paper only"
    (node,) = store.manifest.nodes
    assert (node["gpus"], node["gpu_names"]) == (1, [])


def test_a_trial_out_of_memory_is_tried_alone_once_more_and_then_fails_with_the_reason(tmp_path):
    arm = tiny.arm(
        model="two_layer_mlp",
        fixed={"epochs": 5, "batch_size": 10, "lr": 0.01},
        space={"hidden_dim": {"type": "categorical", "choices": [8, 10**11]}},
        baseline={"hidden_dim": 8},
    )
    before = set(ray.util.placement_group_table())
    store = sweep(tmp_path, arm=arm, trials=2, sampler="grid")
    ended, failed = sorted(store.trials(), key=lambda row: row.trial)
    assert (ended.state, ended.config, ended.lost) == (TrialState.COMPLETE, {"hidden_dim": 8}, ())
    assert failed.state == TrialState.FAIL
    assert failed.reason.startswith("out of memory (RuntimeError")
    assert "allocate memory" in failed.reason
    assert failed.reason.endswith("also alone on a larger share")
    assert len(failed.lost) == 2
    groups = {k: v for k, v in ray.util.placement_group_table().items() if k not in before}
    shares = [bundle for group in groups.values() for bundle in group["bundles"].values()]
    assert shares.count({"CPU": 2.0}) == 1, "all of the node's, once"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"cpus_per_trial": 64},
            "64 CPU, this machine offers 2: tune with a lower --cpus-per-trial",
        ),
        (
            {"gpus_per_trial": 2},
            "2 GPU, this machine offers 1: tune with a lower --gpus-per-trial",
        ),
    ],
)
def test_a_trial_that_fits_nowhere_is_refused_at_once(tmp_path, options, message):
    started = time.monotonic()
    with pytest.raises(InputError, match=message):
        sweep(tmp_path, **options)
    assert time.monotonic() - started < 5


def test_a_confirmation_in_parts_is_the_one_in_a_piece(tmp_path, ray_local):
    """Five replicates are trained one by one, over all cores; each is what it is together."""
    store = sweep(tmp_path, trials=1, confirm=1, confirm_replicates=5)
    rows = [row for row in store.confirmations() if row.purpose == "score"]
    assert [row.seed for row in rows] == list(store.manifest.confirmation_seeds)
    assert len({row.seconds for row in rows}) == 5
    question, arm = tiny.question(), tiny.arm()
    plan = TrialPlan(
        trial=0,
        model=arm.model,
        data=question.data,
        train_size=arm.train_size,
        settings=resolve(arm.model, arm.fixed, arm.baseline),
        seeds=store.manifest.confirmation_seeds,
    )
    whole = TrialRun(plan).complete().replicates
    for row, replicate in zip(rows, whole, strict=True):
        assert row.figure("valid_loss") == pytest.approx(replicate.figure("valid_loss"), rel=1e-3)
    states = torch.load(store.paths.model(0), weights_only=True)
    assert list(states) == list(store.manifest.confirmation_seeds)


def test_a_time_budget_ends_the_proposals_and_still_confirms(tmp_path):
    store = sweep(tmp_path, trials=1000, confirm=1, time_budget=3)
    assert 1 <= len(store.trials()) < 1000
    assert summarise(store).best is not None


def test_the_same_seed_draws_the_same_data_for_a_resumed_sweep(tmp_path, finished):
    """A sweep resumed from half of its records ends with the same rows for that half."""
    manifest = finished.manifest.model_copy(update={"name": "half"})
    store = SweepStore.create(tmp_path, manifest)
    rows = finished.trials()[:5]
    kept = {row.trial for row in rows}
    for proposal in finished.proposals()[:8]:
        store.add_proposal(proposal)
    for row in rows:
        store.add_trial(row, [c for c in finished.curves() if c.trial == row.trial])
    run_sweep(store, Progress())
    resumed = store.trials()
    assert resumed[:5] == rows
    assert sorted(row.trial for row in resumed) == list(range(12))
    unfinished = {p.trial: p.config for p in finished.proposals()[:8] if p.trial not in kept}
    again = {row.trial: row.config for row in resumed if row.trial in unfinished}
    assert again == unfinished, "unfinished trials start again with their own configuration"


@pytest.mark.slow
def test_a_client_without_the_token_gets_nothing(ray_local):
    import ray

    address = ray.get_runtime_context().gcs_address
    code = (
        # of 127.0.0.1 Ray makes the machine's own address, on which a local Ray does not listen
        "import ray, ray._private.services as services\n"
        "services.resolve_ip_for_localhost = lambda host: host\n"
        f"ray.init(address={address!r}, logging_level='CRITICAL')\n"
        "print('joined', ray.cluster_resources())\n"
    )
    base = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    attempts = {
        "no authentication": {"RAY_AUTH_MODE": "disabled"},
        "a wrong token": {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64},
        "the token": {k: v for k, v in os.environ.items() if k.startswith("RAY_AUTH")},
    }
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", code],
            env=base | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name, extra in attempts.items()
    }
    joined = {}
    for name, process in running.items():
        try:
            joined[name] = "joined" in process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            joined[name] = "joined" in process.communicate()[0]
    assert joined == {"no authentication": False, "a wrong token": False, "the token": True}


def test_manifest_names_everything_that_shaped_the_sweep(finished):
    document = json.loads(finished.paths.manifest.read_text())
    assert document["sampler"] == {
        "name": "tpe",
        "seed": 16,
        "n_startup_trials": 10,
        "n_ei_candidates": 24,
        "multivariate": True,
        "group": False,
        "constant_liar": True,
        "n_observed_trials": 1000,
    }
    assert document["pruner"]["name"] == "asha"
    assert {"python", "torch", "ray", "optuna", "numpy", "ibsweep"} <= document["versions"].keys()
    assert document["question"]["data"] == tiny.question().data
    assert document["machine"]["cores"] >= 1
