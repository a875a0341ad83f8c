"""What a finished sweep has beside its records is completed, whatever became of it."""

from __future__ import annotations

import finished
import pytest
import torch
import yaml

from ibsweep.analysis.check import check_sweep
from ibsweep.analysis.weights import weights_damage
from ibsweep.errors import SweepError
from ibsweep.results.store import SweepStore
from ibsweep.sweep.artefacts import complete_artefacts
from ibsweep.sweep.best import write_best
from ibsweep.sweep.mend import mend_finished
from ibsweep.trial.saved import tensor_bytes


@pytest.fixture
def store(tmp_path):
    """A sweep whose best, trial 1, has weights."""
    store = finished.write(tmp_path)
    states = {seed: {"w": torch.tensor([seed])} for seed in store.manifest.confirmation_seeds}
    store.write(store.paths.model(1), tensor_bytes(states))
    question = check_sweep(store).question
    write_best(store, question, question.arms["tiny_cnn"])
    return store


def complete(store):
    with store.lock():
        complete_artefacts(store, check_sweep(store).question)


def best(store):
    return yaml.safe_load(store.paths.best_config.read_text())


def test_weights_of_the_best_that_are_gone_or_damaged_are_had_from_those_of_all(store):
    path, whole = store.paths.best_model, store.paths.best_model.read_bytes()
    assert torch.load(path) == {"w": torch.tensor([best(store)["best_pt"]["seed"]])}
    for damage in (path.unlink, lambda: path.write_bytes(whole[:-9])):
        damage()
        complete(store)
        assert path.read_bytes() == whole
        assert list(weights_damage(store)) == []


@pytest.mark.parametrize("content", [None, b"", b"PK", tensor_bytes([1, 2]), tensor_bytes({1: 2})])
def test_damaged_weights_keep_no_sweep_from_its_best(store, content):
    whole, model = store.paths.best_model.read_bytes(), store.paths.model(1)
    model.unlink() if content is None else model.write_bytes(content)
    question = check_sweep(store).question
    write_best(store, question, question.arms["tiny_cnn"])
    assert store.paths.best_model.read_bytes() == whole, "it is of the same replicate"
    store.paths.best_config.unlink()
    write_best(store, question, question.arms["tiny_cnn"])
    assert not store.paths.best_model.exists(), "nobody knows whose weights those were"
    assert best(store)["trial"] == 1


def test_a_best_that_is_older_than_its_replicates_is_written_anew(store):
    document = best(store)
    old = document | {"confirmed": document["confirmed"] | {"replicates": 2}}
    store.paths.best_config.write_text(yaml.safe_dump(old))
    assert len(check_sweep(store).notes) == 1
    complete(store)
    assert best(store) == document
    assert check_sweep(store).damage == ()


def test_a_sweep_that_is_finished_no_more_is_not_trained_further(store):
    trials = store.paths.trials
    trials.write_bytes(b"".join(trials.read_bytes().splitlines(keepends=True)[:-1]))
    held = SweepStore(store.paths.root)
    with held.lock(), pytest.raises(SweepError, match=r"are gone, or contradict its best: `ibs"):
        mend_finished(held)
