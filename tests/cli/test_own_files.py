"""Commands on question files of one's own: what runs their code, and what is advised."""

from __future__ import annotations

import json
import shlex
import shutil
import sys

import pytest
import tiny
from own_question import arm, mapping, write
from typer.main import get_command

from ibsweep import load, user_code
from ibsweep.cli import app, run
from ibsweep.cli.submit import checked, job_command
from ibsweep.cluster.jobs import _not_shipped, _require_small
from ibsweep.errors import InputError
from ibsweep.questions.binding import bind
from ibsweep.questions.files import find_arms
from ibsweep.results.records import Confirmation
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifests
from ibsweep.sweep.options import SweepOptions


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "my work"
    place.mkdir()
    monkeypatch.chdir(place)
    write(place)
    return place


def stored(folder, name="one", *, finished=True, target="digits.yaml", config=None):
    """A sweep of the question as it would be stored, with one trial, confirmed if finished."""
    (manifest,) = make_manifests([target], SweepOptions(confirm_replicates=2), name, ["tune"])
    store = SweepStore.create(folder / "results", manifest)
    tiny.add_trial(store, tiny.trial(0, config or {"lr": 0.01, "width": 4}), [tiny.curve(0, 4)])
    if finished:
        figures = {"accuracy": 90.0, "loss": 0.3}
        seeds = [("choice", seed) for seed in manifest.choice_seeds]
        seeds += [("score", seed) for seed in manifest.confirmation_seeds]
        store.add_confirmations(
            Confirmation(
                trial=0,
                train_size=20,
                seed=seed,
                epochs=4,
                valid=figures,
                train=figures,
                test=figures,
                test_confusion=None,
                diverged_epoch=None,
                purpose=purpose,
                seconds=1.0,
            )
            for purpose, seed in seeds
        )
        tiny.write_best(store)
    forget(folder)
    return store


def forget(folder):
    """Have the code run again wherever it is imported, and leave its mark."""
    (folder / "imported").unlink(missing_ok=True)
    sys.modules.pop("nets", None)
    user_code._sha256_when_loaded.clear()


def test_training_leaves_the_mark_of_the_code(folder):
    stored(folder)
    assert run(["train", "digits.yaml", "--from", "one", "--quiet"]) == 0
    assert (folder / "imported").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["show", "digits.yaml"],
        ["show", "digits.yaml:mine"],
        ["questions"],
        ["sweeps"],
        ["report", "digits.yaml"],
        ["report", "--out", "pages"],
        ["resume", "one"],
        ["resume", "one", "--json"],
        ["replicate", "digits.yaml"],
        ["efficiency", "digits.yaml", "--images", "20"],
    ],
    ids=" ".join,
)
def test_what_only_reads_runs_none_of_the_users_code(folder, capsys, words):
    stored(folder)
    assert run(words) == (2 if words[0] == "replicate" else 0), capsys.readouterr().err
    assert not (folder / "imported").exists()


def test_advice_on_a_question_of_ones_own_names_its_file(folder):
    stored(folder)
    assert run(["report", "digits.yaml"]) == 0
    page = (folder / "results" / "report" / "digits.html").read_text()
    assert "ibsweep efficiency digits.yaml<" in page


def test_loading_runs_none_of_the_users_code_even_where_it_is_gone(folder):
    stored(folder)
    for name in ("nets.py", "digits.yaml"):
        (folder / name).unlink()
    results = load(folder / "results")
    assert results.best("mine")["test_accuracy"] == 90
    assert len(results.trials) == 1
    assert run(["report"]) == 0
    assert not (folder / "imported").exists()


def test_code_that_was_stored_with_results_is_never_run(folder, capsys):
    """The manifest names the folder: only what lies there, unchanged, is imported."""
    store = stored(folder, finished=False)
    (store.paths.root / "nets.py").write_text("raise SystemExit('run')")
    (folder / "nets.py").unlink()
    assert run(["resume", "one"]) == 2
    assert "nets.py is missing: its sha256 was" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["resume", "one"], ["train", "digits.yaml", "--from", "one"]])
def test_changed_code_is_refused_before_it_runs(folder, capsys, words):
    stored(folder, finished=words[0] == "train")
    code = (folder / "nets.py").read_text()
    (folder / "nets.py").write_text(f"{code}\n# changed\n")
    assert run(words) == 2
    said = capsys.readouterr().err
    assert "nets.py has changed: its sha256 was" in said
    assert not (folder / "imported").exists()
    # what is advised can be pasted
    command = said.partition("`")[2].partition("`")[0]
    assert shlex.split(command) == ["ibsweep", "tune", "digits.yaml:mine", "--from", "one"]
    (manifest,) = make_manifests(
        ["digits.yaml:mine"], SweepOptions(earlier="one"), None, [], folder / "results"
    )
    (earlier,) = manifest.earlier
    assert (earlier["sweep"], earlier["configs"]) == ("one", [{"lr": 0.01, "width": 4}])
    assert earlier["why"] == "it differs in model"


def test_efficiency_refuses_changed_code_too(folder, capsys):
    stored(folder)
    (folder / "nets.py").write_text("import no_such_module")
    assert run(["efficiency", "digits.yaml:mine"]) == 2
    assert "nets.py has changed" in capsys.readouterr().err


def test_changed_and_moved_data_are_refused(folder, capsys):
    (folder / "t.csv").write_text("a,b,y\n" + "\n".join(f"{i},{i % 7},{i % 2}" for i in range(90)))
    data = {"from": "t.csv", "target": "y", "predict": "classes"}
    split = {"train": 10, "valid": 5, "test": 5, "per": "class"}
    space = {"lr": arm()["space"]["lr"]}
    write(
        folder,
        mapping(data=data, split=split, arms={"mine": arm(model="two_layer_mlp", space=space)}),
    )
    (folder / "imported").write_text("")
    stored(folder, finished=False, config={"lr": 0.01})
    shutil.copy(folder / "t.csv", folder / "kept.csv")
    (folder / "t.csv").write_text((folder / "t.csv").read_text().replace("\n3,3,1", "\n3,4,1"))
    assert run(["resume", "one"]) == 2
    assert "the data of t.csv have changed: their sha256 was" in capsys.readouterr().err
    (folder / "t.csv").unlink()
    assert run(["resume", "one"]) == 2
    assert "data.from: there is no file" in capsys.readouterr().err


def test_a_sweep_without_a_baseline(folder, capsys):
    stored(folder)
    assert run(["resume", "one", "--json"]) == 0
    (sweep,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert sweep["baseline"] is None
    assert run(["resume", "one"]) == 0
    said = capsys.readouterr()
    assert "baseline" not in said.out
    assert "notebook" not in said.out + said.err
    assert run(["report"]) == 0
    assert "notebook" not in (folder / "results/report/digits.html").read_text()
    assert run(["show", "digits.yaml"]) == 0
    assert "baseline" not in capsys.readouterr().out


def test_two_questions_with_an_arm_of_one_name_both_count(folder):
    stored(folder)
    write(folder, mapping(question="others"))
    stored(folder, "two")
    results = load(folder / "results")
    assert results.sweeps["current"].tolist() == [True, True]
    assert set(results.questions()) == {"digits", "others"}


def shipped(line):
    command = get_command(app)
    with command.make_context("ibsweep", ["questions"]) as root:
        return job_command(checked(root, shlex.split(line)), "python3")


def test_a_job_takes_the_folder_of_a_question_along(folder):
    job = shipped("tune digits.yaml:mine --trials 3")
    assert job.files == {"my-work": folder}
    words = shlex.split(job.line.replace("~", "home"))
    assert words[3:5] == ["tune", "my-work/digits.yaml:mine"]
    assert not (folder / "imported").exists()  # the job will look at it
    both = shipped("efficiency digits.yaml q7")
    assert both.files == {"my-work": folder}
    assert "my-work/digits.yaml q7" in both.line


def test_what_no_job_needs_stays_here(folder, tmp_path):
    stored(folder)
    for name in (".venv", "__pycache__", "env", "old"):
        (folder / name).mkdir()
    (folder / "env/pyvenv.cfg").write_text("")
    shutil.copytree(folder / "results", folder / "old", dirs_exist_ok=True)
    (folder / "notes.txt").write_text("data of some kind")
    shutil.copytree(folder, tmp_path / "there", ignore=_not_shipped)
    names = {path.name for path in (tmp_path / "there").iterdir()}
    assert names == {"digits.yaml", "nets.py", "notes.txt"}
    (found,) = find_arms(str(tmp_path / "there/digits.yaml"))
    assert bind([found]).code == bind(find_arms("digits.yaml")).code


def test_a_folder_that_is_too_large_for_a_job(folder, monkeypatch):
    _require_small(folder)
    monkeypatch.setattr("ibsweep.cluster.jobs._MAX_BYTES", 1000)
    with pytest.raises(InputError, match=r"holds more than 0 MB .* nets\.py above all: keep the"):
        _require_small(folder)


def test_more_rows_than_there_are_cannot_be_asked_for(folder, capsys):
    stored(folder)
    assert run(["efficiency", "digits.yaml", "--train-size", "100000"]) == 2
    told = capsys.readouterr().err
    assert "`--train-size` must be at most" in told
    assert "no more rows to train on, but got 100000" in told
