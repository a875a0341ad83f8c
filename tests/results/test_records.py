"""The schema: round trips, seeds that never meet, numbers that are numbers."""

from __future__ import annotations

import json
import math

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ibsweep.results.layout import SweepPaths
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Confirmation, Curve, Proposal, Replicate, Trial, TrialState
from ibsweep.results.rows import mean
from ibsweep.sweep.options import PRUNERS
from ibsweep.sweep.sampler_choice import SAMPLERS

FINITE = st.floats(allow_nan=False, allow_infinity=False)
FIGURES = st.dictionaries(st.sampled_from(["accuracy", "rmse", "loss"]), st.none() | FINITE)
CONFIGS = st.dictionaries(
    st.text(max_size=5), st.one_of(FINITE, st.integers(), st.booleans(), st.text(max_size=5))
)
REPLICATES = st.builds(
    Replicate,
    seed=st.integers(0, 2**53 - 1),
    valid=FIGURES,
    train=FIGURES,
    diverged_epoch=st.none() | st.integers(0, 1000),
)
ROWS = st.one_of(
    st.builds(Proposal, trial=st.integers(0, 9999), origin=st.text(max_size=5), config=CONFIGS),
    st.builds(
        Curve,
        trial=st.integers(0, 9999),
        epoch=st.integers(0, 1000),
        replicates=st.lists(REPLICATES, max_size=2).map(tuple),
    ),
    st.builds(
        Trial,
        trial=st.integers(0, 9999),
        origin=st.text(max_size=5),
        state=st.sampled_from(TrialState),
        config=CONFIGS,
        epochs=st.integers(0, 1000),
        valid=st.none() | FIGURES,
        rungs=st.lists(st.tuples(st.integers(0, 1000), FINITE), max_size=3).map(tuple),
        replicates=st.lists(REPLICATES, max_size=2).map(tuple),
        seconds=st.floats(0, 1e9),
        device=st.text(max_size=5),
        node=st.text(max_size=5),
        reason=st.none() | st.text(max_size=20),
    ),
    st.builds(
        Confirmation,
        trial=st.integers(0, 9999),
        train_size=st.integers(1, 1000),
        seed=st.integers(0, 2**53 - 1),
        epochs=st.integers(0, 1000),
        valid=FIGURES,
        train=FIGURES,
        test=FIGURES,
        test_confusion=st.none() | st.just(((1, 2), (3, 4))),
        diverged_epoch=st.none() | st.integers(0, 1000),
        seconds=st.floats(0, 1e9),
        purpose=st.sampled_from([None, "choice", "score"]),
        trained=st.none() | st.booleans(),
    ),
)


def typed(value):
    """Python holds 1, 1.0 and True for equal; a configuration must not."""
    return repr(value)


@given(ROWS)
def test_a_row_comes_back_from_its_line(row):
    line = row.model_dump_json()
    assert "\n" not in line
    again = type(row).model_validate_json(line)
    assert again == row
    assert typed(again) == typed(row)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_manifest_comes_back_from_json(sampler, pruner):
    manifest = tiny.manifest(sampler=sampler, pruner=pruner, time_budget=60.5, address="auto")
    resumed = ({"when": "now", "command": ["resume", "tiny"], "versions": {"ray": "2.60"}},)
    manifest = manifest.model_copy(update={"resumed": resumed})
    again = Manifest.model_validate_json(manifest.model_dump_json())
    assert again == manifest
    assert typed(again) == typed(manifest)
    assert (again.sampler["name"], again.pruner["name"]) == (sampler, pruner)


def sweep(seed, **changes):
    given = {"seed": seed, "choice_replicates": 16, **changes}
    return tiny.manifest().model_copy(update=given)


def all_seeds(manifest):
    return (*manifest.replicate_seeds, *manifest.choice_seeds, *manifest.score_seeds(200))


def test_the_first_replicate_seed_is_the_notebooks():
    assert sweep(10).replicate_seeds[0] == 10
    assert sweep(11).replicate_seeds[0] != 11


def test_no_two_sweeps_and_no_two_uses_share_a_replicate_seed():
    """Sweeps of neighbouring seeds above all: they are what a default rerun is."""
    drawn = [s for seed in range(40) for s in all_seeds(sweep(seed, replicates=20))]
    assert len(set(drawn)) == len(drawn) == 40 * (20 + 16 + 200)
    assert 2**51 < max(drawn) < 2**52


@given(seed=st.integers(0, 2**31 - 1), more=st.integers(17, 100))
def test_more_replicates_begin_with_those_that_there_were(seed, more):
    fewer, manifest = sweep(seed), sweep(seed, replicates=50, choice_replicates=more)
    assert manifest.replicate_seeds[:2] == fewer.replicate_seeds
    assert manifest.choice_seeds[:16] == fewer.choice_seeds
    assert manifest.score_seeds(more)[: len(fewer.confirmation_seeds)] == fewer.confirmation_seeds
    assert json.loads(json.dumps(all_seeds(manifest))) == list(all_seeds(manifest))


def test_seeds_of_older_formats_stay_what_they_were():
    """They counted up from the sweep's, and one set both chose and scored."""
    old = sweep(10, choice_replicates=None, replicates=3, confirm_replicates=2)
    assert old.replicate_seeds == (10, 11, 12)
    assert old.choice_seeds == old.confirmation_seeds == (1_000_010, 1_000_011)
    assert old.score_seeds(3) == (1_000_010, 1_000_011, 1_000_012)


def confirmation(**changes):
    figures = {"accuracy": 50.0, "loss": 1.0}
    fields = {"trial": 0, "train_size": 30, "seed": 1, "epochs": 4, "test_confusion": None}
    fields |= {"valid": figures, "train": figures, "test": figures, "seconds": 1.0}
    return Confirmation(**{**fields, "diverged_epoch": None, **changes})


def test_whether_an_older_row_trains_follows_from_its_counts():
    apart, merged = ((90, 10), (20, 80)), ((50, 50), (50, 50))
    assert confirmation(test_confusion=apart).trains
    assert not confirmation(test_confusion=merged).trains
    assert not confirmation(test_confusion=apart, diverged_epoch=3).trains
    assert confirmation().trains, "a number was predicted: there is nothing to judge by"
    assert not confirmation(trained=False).trains
    assert confirmation(test_confusion=merged, trained=True).trains, "what was recorded counts"


NUMBERS = [
    (Replicate, tiny.replicate(), ("valid_accuracy", "valid_loss", "train_accuracy")),
    (Replicate, tiny.replicate(), ("train_loss",)),
    (Trial, tiny.trial(0), ("valid_accuracy", "valid_loss", "seconds")),
    (Manifest, tiny.manifest(), ("time_budget", "cpus_per_trial", "gpus_per_trial")),
]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("kind", "row", "field"), [(kind, row, f) for kind, row, fields in NUMBERS for f in fields]
)
def test_only_finite_numbers_are_recorded(kind, row, field, bad):
    data = row.model_dump() | {field: bad}
    with pytest.raises(ValidationError, match="should be a finite number"):
        kind.model_validate(data)
    with pytest.raises(ValidationError, match="should be a finite number"):
        kind.model_validate_json(json.dumps(row.model_dump(mode="json") | {field: bad}))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_only_finite_numbers_are_recorded_within_lists(bad):
    with pytest.raises(ValidationError, match="should be a finite number"):
        tiny.trial(0, rungs=((2, bad),))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_only_finite_numbers_are_configured(bad):
    """They would come back from their line as null."""
    with pytest.raises(ValidationError, match="finite"):
        Proposal(trial=0, origin="tpe", config={"lr": bad})
    with pytest.raises(ValidationError, match="finite"):
        tiny.trial(0, {"lr": bad})


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Proposal.model_validate({"trial": 0, "origin": "tpe", "config": {}, "colour": "red"})


def test_means_are_over_the_replicates():
    curve = Curve(trial=0, epoch=5, replicates=(tiny.replicate(10, 90, 0.5),) * 3)
    assert (curve.mean("valid_accuracy"), curve.mean("valid_loss")) == (90, 0.5)
    mixed = Curve(
        trial=0, epoch=5, replicates=(tiny.replicate(10, 90, 0.5), tiny.replicate(11, 60, 1.5))
    )
    assert (mixed.mean("valid_accuracy"), mixed.mean("valid_loss")) == (75, 1)
    assert mean([1, 2, 6]) == 3
    assert tiny.trial(0).model_epochs == 20 * 2


def test_every_path_of_a_sweep_lies_in_its_directory(tmp_path):
    paths = SweepPaths(tmp_path)
    named = [path for name, path in vars(paths).items() if name != "root"]
    named.append(paths.model(3))
    assert len(named) == 14
    assert len(set(named)) == len(named)
    assert all(path.is_relative_to(tmp_path) and path != tmp_path for path in named)


def test_rows_of_format_2_are_read():
    """It knew accuracy alone; a failed trial had no figures."""
    figures = {"valid_accuracy": 90.0, "valid_loss": 0.5}
    replicate = {"seed": 10, **figures, "train_accuracy": None, "train_loss": 0.1}
    read = Replicate.model_validate(replicate)
    assert read.valid == {"accuracy": 90.0, "loss": 0.5}
    assert read.train == {"accuracy": None, "loss": 0.1}
    trial = {
        **tiny.trial(0).model_dump(exclude={"valid"}),
        "valid_accuracy": None,
        "valid_loss": None,
    }
    assert Trial.model_validate(trial).valid is None
    assert Trial.model_validate(trial).figure("valid_accuracy") is None
    line = {
        **{"trial": 3, "images": 30, "seed": 1, "epochs": 4, **figures, "train_accuracy": 80.0},
        **{"test_accuracy": 70.0, "test_loss": 0.7, "test_confusion": [[1]]},
        **{"diverged_epoch": None, "seconds": 1.5},
    }
    found = Confirmation.model_validate_json(json.dumps(line))
    assert found.train_size == 30
    columns = ("valid_accuracy", "train_accuracy", "test_loss", "test_rmse", "seed_accuracy")
    assert [found.figure(c) for c in columns] == [90.0, 80.0, 0.7, None, None]


def test_a_mean_is_of_all_replicates_or_none():
    defined = Replicate(seed=1, valid={"roc_auc": 0.5, "loss": 1.0}, train={})
    undefined = Replicate(seed=2, valid={"roc_auc": None, "loss": 2.0}, train={})
    curve = Curve(trial=0, epoch=1, replicates=(defined, undefined))
    assert curve.means() == {"roc_auc": None, "loss": 1.5}
