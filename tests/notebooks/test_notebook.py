"""The analysis notebook runs from its first cell to its last on results that a test writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import pytest
import tiny
import torch
from nbclient import NotebookClient
from traitlets.config import Config

from ibsweep.models import build
from ibsweep.models.settings import split_settings
from ibsweep.questions.published import published_settings
from ibsweep.questions.schema import Question
from ibsweep.results.records import Confirmation, TrialState
from ibsweep.results.replications import ReplicationStore
from ibsweep.results.store import SweepStore
from ibsweep.sweep.manifest import make_manifest
from ibsweep.trial.plan import TrialPlan

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "analysis.ipynb"
ENCRYPTED = Config({"KernelManager": {"transport_encryption": "auto"}})
"""The kernel listens on ports of this machine, which its other users can read along."""
SEEDS = range(1_000_010, 1_000_018)


def question(*, permute=False):
    """Two arms, a claim that holds and one that does not, and a published figure."""
    document = tiny.question().model_dump(mode="json")
    cnn = document["arms"]["tiny_cnn"] | {
        "published": [{"train_size": 10, "valid_accuracy": 77.0}]
    }
    mlp = {**cnn, "name": "tiny_mlp", "title": "MLP", "model": "three_layer_mlp", "fixed": {}}
    claims = [
        {
            "id": f"{arm}_wins",
            "text": f"The {arm} wins.",
            "tests": [{"type": "difference", "arm": f"tiny_{arm}", "than": f"tiny_{than}"}],
        }
        for arm, than in (("cnn", "mlp"), ("mlp", "cnn"))
    ]
    data = document["data"] | {"use_permutation": permute}
    arms = {"tiny_cnn": cnn, "tiny_mlp": {**mlp, "published": []}}
    return Question.model_validate(document | {"data": data, "arms": arms, "claims": claims})


def confirmation(trial, seed, accuracy, images=10):
    return Confirmation(
        trial=trial,
        images=images,
        seed=seed,
        epochs=20,
        valid_accuracy=accuracy,
        valid_loss=0.5,
        train_accuracy=100.0,
        test_accuracy=accuracy - 1,
        test_loss=0.5,
        test_confusion=((40, 10, 0), (0, 50, 0), (5, 0, 45)),
        diverged_epoch=None,
        seconds=1.0,
    )


def write_sweep(results, asked, arm, accuracy):
    """Write the rows of a whole sweep; trial 1 is the best."""
    options = tiny.SweepOptions(trials=4, confirm_replicates=len(SEEDS))
    manifest = make_manifest(arm.name, asked, arm, options, ["tune", "tiny.yaml"])
    # as sweeps were that chose and scored on the same replicates
    manifest = manifest.model_copy(update={"choice_replicates": None})
    store = SweepStore.create(results, manifest)
    config = {"lr": 0.03, "epochs": 20, "batch_size": 5}
    states = (TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    for number, state in enumerate(states):
        row = tiny.trial(
            number,
            config | {"lr": 0.01 + 0.02 * number},
            accuracy=accuracy - 10 + 10 * (number == 1),
            state=state,
            origin="tpe" if number else "baseline",
        )
        tiny.add_trial(store, row, [tiny.curve(number, epoch, 40.0 + epoch) for epoch in (5, 20)])
    for images in (10, 30):
        store.add_confirmations(
            confirmation(1, seed, accuracy + i % 3 + images / 10, images)
            for i, seed in enumerate(SEEDS)
        )
    store.add_confirmations(confirmation(0, seed, accuracy - 10) for seed in SEEDS)
    plan = TrialPlan(
        trial=1, model=arm.model, data=asked.data, train_size=10, settings=arm.fixed, seeds=SEEDS
    )
    model = build(plan.model, plan.seeds, num_classes=3, **split_settings(plan.settings)[1])
    lanes = {seed: model.lane_state_dict(i) for i, seed in enumerate(SEEDS)}
    store.paths.models.mkdir()
    torch.save(lanes, store.paths.model(1))
    tiny.write_best(store)


def write_results(results, asked, *, cnn, mlp):
    write_sweep(results, asked, asked.arms["tiny_cnn"], cnn)
    write_sweep(results, asked, asked.arms["tiny_mlp"], mlp)
    return results


def replications(asked):
    (cell, _), *_ = published_settings([asked])
    return [tiny.replication(cell, seed, 60.0 + seed, exact=seed == 10) for seed in range(10, 20)]


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Run the notebook in a kernel of this interpreter, with nothing of the user's settings."""
    kernel = tmp_path / "jupyter" / "kernels" / "here"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {
        "argv": argv,
        "display_name": "here",
        "language": "python",
        "metadata": {"supported_encryption": "curve"},
    }
    (kernel / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("IBSWEEP_QUESTION", "tiny")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel draws into the notebook
    monkeypatch.setenv("PYTHONWARNINGS", "error::FutureWarning,error::RuntimeWarning")

    def run(results):
        monkeypatch.setenv("IBSWEEP_RESULTS", str(results))
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        client = NotebookClient(notebook, timeout=120, kernel_name="here", config=ENCRYPTED)
        client.execute(cwd=str(tmp_path))
        return notebook

    return run


def outputs(notebook, kind):
    """What the cells put out, of one kind: ``image/png`` or ``text/plain``."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                assert output.name == "stdout", output.text
                found += [output.text] if kind == "text/plain" else []
            elif kind in output.data:
                found.append(output.data[kind])
    return found


def test_the_notebook_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.slow
def test_the_notebook_answers_the_question(tmp_path, execute):
    results = write_results(tmp_path / "results", question(), cnn=90.0, mlp=60.0)
    ReplicationStore(results).add(replications(question()))
    notebook = execute(results)
    # dataset, history, arms, efficiency, search, curves, confusion, kernels, replications
    assert len(outputs(notebook, "image/png")) == 9
    text = "\n".join(outputs(notebook, "text/plain"))
    assert "SUPPORTED: The cnn wins." in text
    assert "REFUTED: The mlp wins." in text
    assert "tiny_cnn - tiny_mlp" in text
    assert str(results / "tiny_cnn" / "confirmations.jsonl") in text


@pytest.mark.slow
def test_the_notebook_runs_on_a_sweep_without_more_and_on_an_mlp(tmp_path, execute):
    """One arm only, no replications, permuted pixels: the cells say what is missing."""
    asked = question(permute=True)
    results = tmp_path / "results"
    write_sweep(results, asked, asked.arms["tiny_mlp"], 60.0)
    store = SweepStore(results / "tiny_mlp")
    rows = [row for row in store.confirmations() if row.train_size == 10]
    store.paths.confirmations.unlink()
    store.add_confirmations(rows)
    notebook = execute(results)
    text = "\n".join(outputs(notebook, "text/plain"))
    assert "NOT TESTED: The cnn wins." in text
    assert "`ibsweep efficiency tiny` makes them" in text
    assert "`ibsweep replicate tiny` makes them" in text
    assert len(outputs(notebook, "image/png")) == 7
