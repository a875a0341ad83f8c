"""The command line: what it prints, its exit codes, its errors."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys

import pytest
import tiny
import torch
from report_results import add_sweep

from ibsweep import __version__
from ibsweep.cli import app, run
from ibsweep.cli.train import _settings
from ibsweep.errors import InputError
from ibsweep.questions.files import load_all
from ibsweep.results.store import SweepStore
from ibsweep.results.sweeps import find_sweep
from ibsweep.sweep.options import SweepOptions


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory with the tiny question in it."""
    monkeypatch.chdir(tmp_path)
    tiny.write_question(tmp_path)
    return tmp_path


def test_questions_lists_every_arm_with_the_notebooks_figures(capsys):
    assert run(["questions"]) == 0
    out = capsys.readouterr().out
    flat = " ".join(out.split())  # a narrow terminal wraps the figures
    for question in load_all().values():
        for arm in question.arms.values():
            assert arm.name in out
            published = [arm.published, *(v.published for v in arm.variants.values())]
            for figure in (figure for figures in published for figure in figures):
                assert f"{figure.train_size} -> {figure.value:g} %" in flat


def test_show_prints_space_baseline_and_budget(capsys):
    assert run(["show", "q7_wider"]) == 0
    out = capsys.readouterr().out
    for word in ("wider_cnn", "0.0001 to 0.3, logarithmic", "one of 10, 16, 32", "71.6 %", "600"):
        assert word in out


def test_show_says_where_a_hyperparameter_is_set(capsys):
    assert run(["show", "q1_mlp"]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "tuned distribution where baseline" in rows
    assert "momentum float 0 to 0.99 optimizer is sgd 0.9" in rows
    assert "beta1 float 0 to 0.99 optimizer is adam not set" in rows
    assert "optimizer one of sgd, adam sgd" in rows


def test_train_takes_a_stored_configuration_for_what_it_meant():
    arm = load_all()["q1"].arms["q1_mlp"]
    old = {name: spec for name, spec in arm.space.items() if name != "beta1"}
    old["momentum"] = old["momentum"].model_copy(update={"when": {}})
    chosen = {**arm.baseline, "optimizer": "adam", "momentum": 0.5}
    assert _settings(arm, None, None, chosen, old)[0]["beta1"] == 0.5
    assert _settings(arm, None, None, None, arm.space)[0]["momentum"] == 0.9


def test_train_takes_the_training_set_that_a_configuration_is_of(tmp_path):
    arm = load_all()["q8"].arms["q8_mlp"]
    settings, given = _settings(arm, None, None, None, arm.space)
    assert "train_size" not in settings
    assert arm.size_of(given) == 30, "the baseline's"
    file = tmp_path / "small.yaml"
    file.write_text("train_size: 10")
    assert arm.size_of(_settings(arm, None, file, None, arm.space)[1]) == 10
    file.write_text("train_size: 20")
    with pytest.raises(InputError, match="must be 10 or 30 or 50 or 100, but got 20"):
        _settings(arm, None, file, None, arm.space)


def test_show_says_what_the_default_budget_can_show(capsys):
    assert run(["show", "q7_wider"]) == 0
    flat = " ".join(capsys.readouterr().out.split())
    assert f"{SweepOptions.confirm_replicates} fresh replicates show effects of " in flat
    assert "standard deviations or more (80 % power, 2 tests)" in flat


def test_show_prints_other_settings_and_claims(capsys):
    assert run(["show", "q4"]) == 0
    flat = " ".join(capsys.readouterr().out.split())
    assert "q4_cnn_hand_tuned" in flat
    assert "lr 0.05" in flat
    assert "30 -> 92.67 %" in flat
    assert "Under the shift the MLP is at chance" in flat
    assert "at 10, 30, 50, 100, 200, 300, 500 images per class" in flat


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], (50, 4, 3, 16, 16)),
        (["--quick"], (10, 2, 1, 4, 8)),
        (["--quick", "--trials", "50"], (50, 2, 1, 4, 8)),
        (["--confirm", "2", "--quick", "--replicates", "3"], (10, 3, 2, 4, 8)),
    ],
)
def test_quick_is_a_budget_that_what_is_given_goes_before(here, monkeypatch, words, expected):
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    assert run(["tune", "tiny.yaml", "--name", "one", *words]) == 0
    manifest = find_sweep(here / "results", "one").manifest
    found = (manifest.trials, manifest.replicates, manifest.confirm)
    assert (*found, manifest.choice_replicates, manifest.confirm_replicates) == expected
    assert manifest.is_quick == ("--quick" in words)


def test_every_option_of_a_sweep_has_a_flag(here, monkeypatch):
    """Given on the line, each is in the manifest; a field without a flag could not be chosen."""
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    chosen = {
        "trials": 7,
        "replicates": 3,
        "confirm": 2,
        "choice_replicates": 6,
        "confirm_replicates": 5,
        "sampler": "random",
        "pruner": "median",
        "seed": 20,
        "sweeps": 2,
        "time_budget": 90.0,
        "max_time": 600.0,
        "budget": 5000,
        "patience": 9,
        "cpus_per_trial": 2.0,
        "gpus_per_trial": 0.5,
        "address": "auto",
        "every_epoch": True,
        "quick": True,
        "earlier": ["first"],
        "enqueue": ["first.yaml"],
    }
    assert chosen.keys() == {field.name for field in dataclasses.fields(SweepOptions)}
    tiny.add_trial(SweepStore.create(here / "results", tiny.manifest(name="first")), tiny.trial(0))
    (here / "first.yaml").write_text("[{lr: 0.05}]")
    words = []
    for name, value in chosen.items():
        assert value != getattr(SweepOptions, name), name
        flag = {"earlier": "from"}.get(name, name)
        given = value if isinstance(value, list) else [value]
        flag = f"--{flag.replace('_', '-')}"
        words += [flag] if value is True else [w for one in given for w in (flag, str(one))]
    assert run(["tune", "tiny.yaml", "--name", "one", *words]) == 0
    first, second = (find_sweep(here / "results", f"one-seed{seed}") for seed in (20, 21))
    assert chosen.pop("sweeps") == 2
    assert second.manifest.seed == 21
    manifest = first.manifest
    fields = {*chosen, "enqueued"} - {"enqueue"}
    found = {name: getattr(manifest, name) for name in fields}
    found |= {name: found[name]["name"] for name in ("sampler", "pruner")}
    assert found.pop("enqueued") == ({"lr": 0.05},)
    assert chosen.pop("enqueue") == ["first.yaml"]
    assert found["max_time"]["sweeps"] == ["one-seed20", "one-seed21"]
    found["max_time"] = found["max_time"]["seconds"]
    found["earlier"] = [one["sweep"] for one in found["earlier"]]
    assert found == chosen


def made(results) -> list[tuple[str, int]]:
    """The sweeps of a directory by their names without the time, and their seeds."""
    stores = [SweepStore(path.parent) for path in results.glob("*/manifest.json")]
    found = [(store.manifest.name, store.manifest.seed) for store in stores]
    return sorted((re.sub(r"-[0-9]{8}-[0-9]{6}", "", name), seed) for name, seed in found)


def test_the_same_command_once_more_makes_an_independent_sweep(here, capsys, monkeypatch):
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    assert run(["tune", "tiny.yaml", "--name", "first"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["tune", "tiny.yaml", "--name", "second"]) == 0
    said = capsys.readouterr().err
    assert said == "ibsweep: tiny_cnn: seed 11, independent of the sweeps that results has\n"
    assert run(["tune", "tiny.yaml", "--name", "third", "--sweeps", "2", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["tune", "tiny.yaml", "--name", "given", "--seed", "10"]) == 0
    assert made(here / "results") == [
        ("first", 10),
        ("given", 10),
        ("second", 11),
        ("third-seed12", 12),
        ("third-seed13", 13),
    ]


def test_a_seed_is_taken_by_sweeps_of_the_arm_alone_and_by_unreadable_ones_not(here, monkeypatch):
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    SweepStore.create(here / "results", tiny.manifest(name="taken", seed=11))
    (here / "results" / "broken").mkdir()
    (here / "results" / "broken" / "manifest.json").write_text("{")
    other = tiny.YAML.replace("question: tiny", "question: other")
    tiny.write_question(here, other, "other.yaml")
    assert run(["tune", "tiny.yaml", "other.yaml", "--sweeps", "2"]) == 0
    (here / "results" / "broken" / "manifest.json").unlink()
    assert made(here / "results") == [
        ("other-tiny_cnn-seed10", 10),
        ("other-tiny_cnn-seed11", 11),
        ("taken", 11),
        ("tiny_cnn-seed10", 10),
        ("tiny_cnn-seed12", 12),
    ]


def test_arms_of_a_question_that_are_tuned_together_have_common_seeds(here, monkeypatch):
    """Claims compare arms on common replicate seeds, which follow from the sweep's."""
    began = []
    monkeypatch.setattr(
        "ibsweep.cli.run_sweeps.run_and_print",
        lambda stores, **_: began.extend((s.manifest.arm, s.manifest.seed) for s in stores),
    )
    assert run(["tune", "q2_cnn", "--name", "x"]) == 0
    assert run(["tune", "q2_cnn", "q2_mlp", "--name", "y", "--sweeps", "2"]) == 0
    assert began[1:] == [("q2_cnn", 11), ("q2_mlp", 11), ("q2_cnn", 12), ("q2_mlp", 12)]


def test_sweeps_of_one_command_are_made_all_or_none(capsys, here, monkeypatch):
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    SweepStore.create(here / "results", tiny.manifest(name="mine-tiny_cnn"))
    assert run(["tune", "q7_wider", "tiny.yaml", "--name", "mine"]) == 2
    assert "mine-tiny_cnn" in capsys.readouterr().err
    assert [path.name for path in (here / "results").iterdir()] == ["mine-tiny_cnn"]


def test_show_takes_a_question_and_a_file(capsys, here):
    assert run(["show", "q7"]) == 0
    assert "q7_deeper" in capsys.readouterr().out
    assert run(["show", "tiny.yaml"]) == 0
    assert "tiny_cnn" in capsys.readouterr().out


def test_version_and_help(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"ibsweep {__version__}\n"
    for words in (["--help"], ["-h"], []):
        assert run(words) == 0
        out = capsys.readouterr().out
        names = {command.name for command in app.registered_commands}
        assert names >= {"tune", "resume", "efficiency", "replicate", "report"}
        for command in names:
            assert command in out


def test_sweeps_lists_state_and_survives_an_unreadable_one(capsys, here):
    assert run(["sweeps"]) == 0
    assert "no sweeps in results yet" in capsys.readouterr().out
    results = here / "results"
    SweepStore.create(results, tiny.manifest(name="one", trials=7))
    (results / "broken").mkdir()
    (results / "broken" / "manifest.json").write_text("{")
    assert run(["sweeps"]) == 0
    out = capsys.readouterr().out
    assert "interrupted" in out
    assert "0/7" in out
    assert "unreadable" in out


def test_train_saves_model_curves_and_kernels(capsys, here):
    (here / "own.yaml").write_text("epochs: 3\nlr: 0.05\n")
    words = ["train", "tiny.yaml", "--config", "own.yaml", "--replicates", "2", "--out", "trained"]
    assert run([*words, "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["epochs"] == 3
    assert [row["seed"] for row in outcome["replicates"]] == [10, 11]
    lines = (here / "trained" / "curves.jsonl").read_text().splitlines()
    curves = [json.loads(line) for line in lines]
    assert [curve["epoch"] for curve in curves] == [1, 2, 3]
    kernels = torch.load(here / "trained" / "kernels.pt", weights_only=True)
    model = torch.load(here / "trained" / "model-11.pt", weights_only=True)
    assert torch.equal(kernels["trained"][11], model["conv1.weight"])
    assert not torch.equal(kernels["trained"][11], kernels["untrained"][11])
    assert run(words) == 2
    assert "cannot make trained: file exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tune", "q7_widr"], "'q7_widr' is no arm, question or file; did you mean 'q7_wider'"),
        (["tune"], "Missing argument"),
        (["tun"], "No such command 'tun'"),
        (
            ["tune", "q7_wider", "--trials", "0"],
            "`--trials` must be at least 1 and at most 1000000, but got 0",
        ),
        (
            ["tune", "q7_wider", "--trials", "-3"],
            "`--trials` must be at least 1 and at most 1000000, but got -3",
        ),
        (["tune", "q7_wider", "--trials", "many"], "'--trials': Input should be a valid integer"),
        (["tune", "q7_wider", "--replicates", "0"], "`--replicates` must be at least 1"),
        (["tune", "q7_wider", "--confirm", "0"], "`--confirm` must be at least 1"),
        (["tune", "q7_wider", "--choice-replicates", "0"], "`--choice-replicates` must be at"),
        (
            ["tune", "q7_wider", "--confirm-replicates", "1"],
            "must be at least 2 and at most 1000, but got 1",
        ),
        (["tune", "q7_wider", "--sampler", "tpes"], "no sampler 'tpes': did you mean 'tpe'"),
        (["tune", "q7_wider", "--pruner", "asa"], "no pruner 'asa': did you mean 'asha'"),
        (["tune", "q7_wider", "--seed", "-1"], "`--seed` must lie in 0 to"),
        (
            ["tune", "q7_wider", "--seed", "2147483647", "--sweeps", "2"],
            "`--seed` must lie in 0 to 2147483647 less",
        ),
        (["tune", "q7_wider", "--sweeps", "0"], "`--sweeps` must be at least 1"),
        (["tune", "q7_wider", "--time-budget", "soon"], "such as 90, 90s, 5m or 1.5h"),
        (["tune", "q7_wider", "--cpus-per-trial", "0"], "`--cpus-per-trial` must be above 0"),
        (["tune", "q7_wider", "--gpus-per-trial", "-1"], "`--gpus-per-trial` must be 0 or more"),
        (["tune", "q7_wider", "--gpus-per-trial", "1.5"], "must be whole above 1, but got 1.5"),
        (["tune", "q7_wider", "--name", "../out"], "has no '..', but got '../out'"),
        (["tune", "q7_wider", "--name", "a/b"], "a sweep's name is"),
        (["tune", "q7_wider", "--results", "tiny.yaml"], "--results tiny.yaml is a file"),
        (["tune", "q7_wider", "--results", "/proc/none"], "cannot write to the results directory"),
        (["tune", "q7_wider", "q7"], "arm 'q7_wider' is named twice"),
        (["tune", "q7_wider", "own_q7.yaml"], "two different questions, q7_wider and own_q7"),
        (["tune", "none.yaml"], "none.yaml: no such file"),
        (["tune", "empty.yaml"], "empty.yaml: is empty"),
        (["tune", "broken.yaml"], "broken.yaml: line "),
        (["tune", "low.yaml"], "`low <= high` must hold"),
        (["tune", "task.yaml"], "corner"),
        (["resume", "nothing"], "no sweep named 'nothing' in results: there are none yet"),
        (["resume", "../x"], "has no '..'"),
        (["resume", "all"], "no sweep in results is unfinished"),
        (["efficiency", "q7"], "no results directory results"),
        (["efficiency", "q7", "--images", "0"], "`--train-size` must be at least 1, but got 0"),
        (["report"], "no results directory results"),
        (["replicate", "tiny.yaml"], "tiny: no figures are published"),
        (["replicate", "task.yaml"], "corner"),
        (["replicate", "q7_wider", "own_q7.yaml"], "two different questions are named 'q7'"),
        (["train", "q7"], "'q7' has several arms, train takes one"),
        (["train", "q7_wider", "--from", "x", "--config", "y"], "exclude each other"),
        (["train", "q7_wider", "--from", "x"], "no sweep named 'x'"),
        (["train", "q7_wider", "--replicates", "0"], "must be at least 1"),
        (["train", "tiny.yaml", "--config", "wrong.yaml"], "learning_rate"),
    ],
)
def test_wrong_input_gets_a_clear_line_and_exit_code_2(capsys, here, words, message):
    (here / "empty.yaml").write_text("")
    (here / "broken.yaml").write_text("question: [q\nx: y: z\n")
    (here / "low.yaml").write_text(tiny.YAML.replace("low: 5", "low: 50"))
    (here / "wrong.yaml").write_text("learning_rate: 0.1\n")
    published = tiny.YAML.replace("notebook: []", "notebook: [{images: 10, valid_accuracy: 9.0}]")
    own = published.replace("question: tiny", "question: q7").replace("tiny_cnn", "q7_wider")
    (here / "own_q7.yaml").write_text(own)
    spoilt = published.replace("[horizontal,", "[corner,")
    (here / "task.yaml").write_text(spoilt)
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert 1 <= err.count("\n") <= 2
    assert all(line.startswith("ibsweep: ") for line in err.splitlines())
    assert not (here / "results").exists(), "nothing is left behind by wrong input"


def test_a_name_that_is_taken_and_another_version(capsys, here):
    store = SweepStore.create(here / "results", tiny.manifest(name="taken"))
    assert run(["tune", "tiny.yaml", "--name", "taken"]) == 2
    assert "`ibsweep resume taken` completes it" in capsys.readouterr().err
    manifest = json.loads(store.paths.manifest.read_text())
    damaged = manifest | {"question": manifest["question"] | {"arms": {}}}
    store.paths.manifest.write_text(json.dumps(damaged))
    assert run(["resume", "taken"]) == 2
    assert "its question has no arm" in capsys.readouterr().err
    store.paths.manifest.write_text(json.dumps(manifest | {"format": 99}))
    assert run(["resume", "taken"]) == 2
    assert "was written in format 99" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ([], "10.0.0.1:6379"),
        (["--address", "local"], None),
        (["--address", "auto"], "auto"),
    ],
)
def test_resume_goes_on_where_it_is_told_or_where_it_was(here, monkeypatch, words, address):
    monkeypatch.setattr("ibsweep.cli.run_sweeps.run_and_print", lambda stores, **_: None)
    SweepStore.create(here / "results", tiny.manifest(name="one", address="10.0.0.1:6379"))
    assert run(["resume", "one", *words]) == 0
    manifest = find_sweep(here / "results", "one").manifest
    assert manifest.address == address
    assert len(manifest.resumed) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", ""])
def test_an_address_that_is_refused_is_none_that_resume_goes_on_with(
    here, capsys, monkeypatch, address
):
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # other tests' Ray would be used
    SweepStore.create(here / "results", tiny.manifest(name="one", address="auto"))
    assert run(["resume", "one", "--address", address]) == 2
    assert "--address" in capsys.readouterr().err
    assert find_sweep(here / "results", "one").manifest.address == "auto"


def test_debug_shows_the_traceback_wherever_it_stands(capsys, here):
    for words in (["--debug", "show", "nothing"], ["show", "nothing", "--debug"]):
        assert run(words) == 2
        assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["ibsweep", "ibsweep.cli"])
def test_imports_stay_light(module):
    code = f"import sys, {module}; print(sorted({{'torch', 'ray', 'optuna'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_from_the_shell_is_light():
    command = [sys.executable, "-X", "importtime", "-m", "ibsweep", "tune", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--gpus-per-trial" in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "ibsweep.cli" in loaded
    assert not {"torch", "ray", "optuna"} & loaded


def test_output_into_a_closed_pipe_ends_quietly():
    code = f"{sys.executable} -m ibsweep questions | true"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_finished_sweep_is_printed_without_what_it_takes_to_run_one(tmp_path):
    add_sweep(tmp_path, "duel_cnn")
    assert run(["resume", "duel_cnn-1", "--results", str(tmp_path), "--quiet"]) == 0  # its study
    script = (
        "import sys\nfrom ibsweep.cli import run\ncode = run(sys.argv[1:])\n"
        "print(*[name for name in ('torch', 'ray', 'optuna') if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "resume", "duel_cnn-1", "--results", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    *shown, loaded = done.stdout.splitlines()
    assert loaded == "0", done.stderr
    assert "1 pruned, 1 failed" in "\n".join(shown)
