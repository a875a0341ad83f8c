"""Samplers with arguments, and samplers of one's own: what is asked for, recorded and refused."""

from __future__ import annotations

import json
import re
import shutil

import optuna
import pytest
import tiny

from ibsweep.cli import run
from ibsweep.errors import ChangedCodeError, InputError, SweepError
from ibsweep.sweep.options import SweepOptions, sampler_arguments
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.sampler_choice import SAMPLERS, check_sampler_code, parse_sampler

OWN = """
import optuna
from neighbour import LOWEST


class Halving(optuna.samplers.RandomSampler):
    def __init__(self, share: float, most=3, seed=None):
        super().__init__(seed)
        self.share, self.most = share, most

    def sample_independent(self, study, trial, name, distribution):
        if name == "lr":
            return max(LOWEST, 0.1 * self.share ** len(study.get_trials(deepcopy=False)))
        return super().sample_independent(study, trial, name, distribution)


class Other:
    pass


class Fails(optuna.samplers.RandomSampler):
    def __init__(self):
        raise ValueError("no luck")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with samplers of one's own, in which the command is given."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.py").write_text(OWN)
    (tmp_path / "own" / "neighbour.py").write_text("LOWEST = 0.001\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_name_alone_has_every_argument_at_its_default(name):
    assert sampler_arguments(name, 7) == {"name": name, "seed": 7, **SAMPLERS[name]}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (
            "tpe:n_startup_trials=20,multivariate=false",
            {"n_startup_trials": 20, "multivariate": False},
        ),
        ("tpe:multivariate=True", {"multivariate": True}),
        ("grid:points=7", {"points": 7}),
        ("qmc:qmc_type=halton,scramble=false", {"qmc_type": "halton", "scramble": False}),
        ("cmaes:popsize=6,with_margin=true", {"popsize": 6, "with_margin": True}),
        ("cmaes:popsize=none", {"popsize": None}),
        ("gp:n_startup_trials=12", {"n_startup_trials": 12}),
    ],
)
def test_arguments_are_recorded_and_reach_the_sampler(text, given):
    name = text.partition(":")[0]
    pinned = {"name": name, "seed": 7, **SAMPLERS[name], **given}
    assert json.loads(json.dumps(sampler_arguments(text, 7))) == pinned
    proposer = Proposer(
        tiny.arm(), tiny.question().objective, tiny.manifest(sampler=text, trials=14)
    )
    for _ in range(14):
        proposal, _ = proposer.propose()
        assert proposal.origin in (name, "baseline")
        proposer.tell(tiny.trial(proposal.trial, proposal.config, accuracy=50.0))
    if name in ("tpe", "cmaes"):
        kept = vars(proposer.study.sampler)
        assert {key: kept[f"_{key}"] for key in given} == given


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tpee", "no sampler 'tpee': did you mean 'tpe'?"),
        ("tpee:n_startup_trials=3", "no sampler 'tpee:n_startup_trials=3': did you mean 'tpe'?"),
        ("", "no sampler '': known are cmaes, gp, grid, nsga2, qmc, random, tpe"),
        ("a/b", "no sampler 'a/b': known are"),
        ("tpe:n_startup", "takes arguments as tpe:NAME=VALUE,NAME=VALUE, but got 'n_startup'"),
        ("tpe:n_startup_trials=", "takes arguments as tpe:NAME=VALUE"),
        ("tpe:n_startup_trials=2,,", "takes arguments as tpe:NAME=VALUE"),
        ("tpe:group=true,group=true", "`--sampler tpe` is given group twice; leave one out"),
        (
            "tpe:n_startup_trial=2",
            "`--sampler tpe` has no argument 'n_startup_trial': did you mean 'n_startup_trials'",
        ),
        ("random:seed=3", "`--sampler random` has no argument 'seed': it takes none"),
        ("tpe:n_startup_trials=-1", "n_startup_trials must be an integer of at least 0, but got"),
        ("tpe:n_startup_trials=1.5", "must be an integer of at least 0, but got 1.5"),
        ("tpe:n_startup_trials=many", "must be an integer of at least 0, but got 'many'"),
        ("tpe:n_observed_trials=5", "n_observed_trials must be an integer of at least 100"),
        ("tpe:multivariate=1", "multivariate must be true or false, but got 1"),
        ("grid:points=1", "points must be an integer of at least 2, but got 1"),
        ("qmc:qmc_type=lattice", "qmc_type must be sobol or halton, but got 'lattice'"),
        ("cmaes:popsize=x", "popsize must be an integer of at least 3 or none, but got 'x'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, message):
    with pytest.raises(InputError) as caught:
        SweepOptions(sampler=text)
    (line,) = str(caught.value).splitlines()
    assert message in line


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as caught:
        SweepOptions(sampler="tpe:points=3,group=1", trials=0)
    assert len(str(caught.value).splitlines()) == 3


def test_arguments_that_do_not_go_together_are_refused_before_a_sweep(tmp_path, capsys):
    path = tiny.write_question(tmp_path)
    words = ["tune", str(path), "--sampler", "tpe:group=true,multivariate=false"]
    assert run([*words, "--results", str(tmp_path / "results")]) == 2
    assert "`--sampler tpe`: ``group`` option can only be enabled" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_a_sampler_of_one_s_own_is_recorded_with_its_code_and_proposes(folder):
    text = "own/mine.py:Halving:share=0.5"
    pinned = sampler_arguments(text, 3)
    assert pinned["name"] == "mine.py:Halving"
    assert pinned["arguments"] == {"share": 0.5}
    assert pinned["folder"] == str(folder / "own")
    assert set(pinned["code"]) == {"mine.py", "neighbour.py"}
    manifest = tiny.manifest(sampler=text, trials=5)
    assert type(manifest).model_validate_json(manifest.model_dump_json()) == manifest
    proposer = Proposer(tiny.arm(), tiny.question().objective, manifest)
    found = [proposer.propose()[0] for _ in range(5)]
    assert [one.origin for one in found] == ["baseline"] + ["mine.py:Halving"] * 4
    assert [one.config["lr"] for one in found[1:]] == [0.1 * 0.5**n for n in (2, 3, 4, 5)]


def test_a_file_anywhere_and_a_class_of_a_package(folder):
    text = f"{folder / 'own' / 'mine.py'}:Halving:share=1"
    assert parse_sampler(text).folder == folder / "own"
    pinned = sampler_arguments("optuna.samplers:BruteForceSampler", 3)
    assert (pinned["folder"], pinned["arguments"]) == (None, {})
    assert list(pinned["code"]) == ["optuna.samplers"]
    manifest = tiny.manifest(sampler="optuna.samplers:RandomSampler", trials=4)
    proposer = Proposer(tiny.arm(), tiny.question().objective, manifest)
    assert len({proposer.propose()[0].config["lr"] for _ in range(4)}) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mine.py:Halving:share=1", "there is no file"),
        ("own/mine.py:Halvin:share=1", "mine.py has no 'Halvin'; did you mean 'Halving'?"),
        ("own/mine.py:Other", "a class that derives from optuna.samplers.BaseSampler, but is Oth"),
        ("own/mine.py:LOWEST", "derives from optuna.samplers.BaseSampler, but is float"),
        ("own/mine.py:Halving", "needs share: give it, as mine.py:Halving:share=VALUE"),
        (
            "own/mine.py:Halving:share=1,mots=2",
            "has no argument 'mots': did you mean 'most'?",
        ),
        ("own/mine.py:Fails", "cannot be made: ValueError: no luck"),
        ("no_such_package:Sampler", "No module named 'no_such_package'"),
    ],
)
def test_a_sampler_that_cannot_be_had_is_refused_before_a_sweep(folder, capsys, text, message):
    path = tiny.write_question(folder)
    words = ["tune", str(path), "--sampler", text]
    assert run([*words, "--results", str(folder / "results")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (folder / "results").exists()


FAULTY = """
import optuna


class Faulty(optuna.samplers.RandomSampler):
    def __init__(self, fault, seed=None):
        super().__init__(seed)
        self.fault = fault

    def sample_independent(self, study, trial, name, distribution):
        if self.fault == "raises" and trial.number == 2:
            raise KeyError("lost")
        value = super().sample_independent(study, trial, name, distribution)
        return 7.0 if self.fault == "outside" and name == "lr" else value

    def after_trial(self, study, trial, state, values):
        if self.fault == "told":
            raise RuntimeError("what now?")
"""


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", "the sampler faulty.py:Faulty has failed at trial 2: KeyError: 'lost'"),
        ("outside", "has failed at trial 1: ValueError: it proposed lr: must "),
        ("told", "has failed at trial 1: RuntimeError: what now?"),
    ],
)
def test_a_sampler_that_fails_is_blamed_for_it(tmp_path, monkeypatch, fault, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(FAULTY)
    manifest = tiny.manifest(sampler=f"faulty.py:Faulty:fault={fault}", trials=5)
    proposer = Proposer(tiny.arm(), tiny.question().objective, manifest)

    def run_all():
        for _ in range(5):
            proposal, _ = proposer.propose()
            proposer.tell(tiny.trial(proposal.trial, proposal.config))

    with pytest.raises(SweepError, match=re.escape(message)):
        run_all()


def test_code_that_has_changed_is_named(folder):
    pinned = sampler_arguments("own/mine.py:Halving:share=0.5", 3)
    check_sampler_code(pinned)
    check_sampler_code(sampler_arguments("tpe", 3))
    (folder / "own" / "neighbour.py").write_text("LOWEST = 0.002\n")
    with pytest.raises(ChangedCodeError, match=r"neighbour\.py has changed"):
        check_sampler_code(pinned)
    shutil.rmtree(folder / "own")
    with pytest.raises(ChangedCodeError, match="is missing"):
        check_sampler_code(pinned)


def test_optuna_is_told_of_as_its_own_class():
    """Our sequence is Optuna's sampler, with another count of its points."""
    manifest = tiny.manifest(sampler="qmc", trials=3)
    proposer = Proposer(tiny.arm(), tiny.question().objective, manifest)
    proposer.propose()
    assert isinstance(proposer.study.sampler, optuna.samplers.QMCSampler)
