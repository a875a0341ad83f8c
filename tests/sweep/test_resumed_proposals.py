"""A sweep killed anywhere proposes what it would have proposed, of every kind of space."""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Callable
from typing import Any

import optuna
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces import FAST, KINDS, SMOOTH, TIGHT, arm_of, figure

from ibsweep.questions.schema import Objective
from ibsweep.questions.space_faults import config_faults
from ibsweep.results.records import Proposal, Trial, TrialState
from ibsweep.results.store import SweepStore
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.samplers import remembers
from ibsweep.sweep.study_export import export_study

OBJECTIVE = tiny.question().objective

OWN = """
import optuna


class Walk(optuna.samplers.RandomSampler):
    '''Remembers in itself what it was told, as many of OptunaHub do.'''

    def __init__(self, seed=None):
        super().__init__(seed)
        self.best = None

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_independent(self, study, trial, name, distribution):
        if self.best is not None and name in self.best[1] and self._rng.rng.random() < 0.5:
            return self.best[1][name]
        return super().sample_independent(study, trial, name, distribution)

    def after_trial(self, study, trial, state, values):
        if values and (self.best is None or values[0] > self.best[0]):
            self.best = values[0], trial.params
"""


FURTHER = {"cross_entropy": Objective.model_validate("cross_entropy")}


def row(proposal: Proposal, end: str) -> Trial:
    last = (2, figure(proposal.config) - 5)
    complete = end == "COMPLETE"
    rungs = (last, (9, figure(proposal.config))) if complete else (last,)
    found = tiny.trial(
        proposal.trial,
        proposal.config,
        accuracy=rungs[-1][1],
        state=TrialState(end),
        origin=proposal.origin,
        rungs=rungs,
        reason=None if complete else "it ended",
    )
    if found.valid is None:
        return found
    second = 10 + math.cos(7 * figure(proposal.config))
    return found.model_copy(update={"valid": {**found.valid, "cross_entropy": second}})


ENDS = ("COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "FAIL")


class Sweep:
    """A sweep as its process has it: its steps are the same wherever it is killed in between.

    A step proposes, or finishes one of those that run.
    """

    def __init__(self, make: Callable[..., Proposer]) -> None:
        self.make = make
        self.proposer, self.proposals, self.rows = make(), [], []
        self.running: list[Proposal] = []

    def step(self, choice: int) -> None:
        if self.running and (choice % 3 == 0 or len(self.running) > 3):
            proposal = self.running.pop(choice % len(self.running))
            finished = row(proposal, ENDS[choice % len(ENDS)])
            self.rows.append(finished)
            self.proposer.tell(finished)
        elif found := self.proposer.propose():
            proposal, new = found
            assert new
            self.proposals.append(proposal)
            self.running.append(proposal)

    def resume(self) -> None:
        """Go on in another process, which has the records and begins again what ran."""
        proposals = [Proposal.model_validate_json(p.model_dump_json()) for p in self.proposals]
        rows = [Trial.model_validate_json(r.model_dump_json()) for r in self.rows]
        self.proposer = self.make(proposals, rows)
        for _ in self.running:
            proposal, new = self.proposer.propose()
            assert not new
            assert proposal in self.running


def sweep(
    space: dict[str, Any], sampler: str, *, trials: int = 40, cannot=None, further=()
) -> Sweep:
    arm = arm_of(space)
    manifest = tiny.manifest(arm=arm, sampler=sampler, trials=trials)
    others = [FURTHER[name] for name in further]
    return Sweep(
        lambda proposals=(), rows=(): Proposer(
            arm, OBJECTIVE, manifest, proposals, rows, cannot, others
        )
    )


def assert_goes_on_alike(make: Callable[[], Sweep], steps: list[int], kills: set[int]) -> None:
    undisturbed, killed = make(), make()
    for i, choice in enumerate(steps):
        if i in kills:
            killed.resume()
        undisturbed.step(choice)
        killed.step(choice)
        assert killed.proposals == undisturbed.proposals, i


STEPS = st.lists(st.integers(0, 10**6), min_size=5, max_size=60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), steps=STEPS, kills=st.sets(st.integers(0, 59), min_size=1, max_size=4))
def test_a_killed_sweep_proposes_what_it_would_have_proposed(kind, data, steps, kills):
    space = data.draw(KINDS[kind].spaces)
    sampler = data.draw(st.sampled_from(KINDS[kind].samplers))
    further = KINDS[kind].further
    assert_goes_on_alike(lambda: sweep(space, sampler, further=further), steps, kills)


MANY = [(7 * i * i + 3 * i) % 1013 for i in range(90)]
"""Steps that no kill falls on by chance."""


@pytest.mark.parametrize("space", [SMOOTH, TIGHT], ids=["smooth", "tight"])
@pytest.mark.parametrize("sampler", [*FAST, "cmaes:popsize=4,n_startup_trials=2"])
@pytest.mark.parametrize("unfit", [False, True])
def test_of_every_sampler_with_much_that_cannot_be_trained(sampler, space, unfit):
    """Where draws are passed over, and generations of an evolution follow one another."""

    def cannot(config):
        return unfit and zlib.crc32(str(config["b"]).encode()) % 3 == 0

    assert_goes_on_alike(lambda: sweep(space, sampler, cannot=cannot), MANY, {5, 31, 32, 70})


def test_gp_goes_on_alike():
    make = lambda: sweep(SMOOTH, "gp:n_startup_trials=5", trials=8)  # noqa: E731
    assert_goes_on_alike(make, MANY[:14], {9, 11})


@pytest.mark.slow
@pytest.mark.parametrize("space", [SMOOTH, TIGHT], ids=["smooth", "tight"])
def test_a_sampler_of_one_s_own_that_remembers_goes_on_alike(tmp_path, monkeypatch, space):
    (tmp_path / "walk.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    assert_goes_on_alike(lambda: sweep(space, "walk.py:Walk"), MANY, {5, 31, 32, 70})


@pytest.mark.slow
def test_where_more_is_finished_than_is_looked_at_it_goes_on_alike():
    text = "tpe:n_observed_trials=100"
    steps = [*range(1, 1000, 2)][:260] + MANY
    make = lambda: sweep(SMOOTH, text, trials=300)  # noqa: E731
    assert_goes_on_alike(make, steps, {len(steps) - 40, len(steps) - 3})


def test_records_without_the_count_of_finished_trials_are_gone_on_with():
    """Those of sweeps up to format 5: an evolution begins anew, with what is known."""
    first = sweep(SMOOTH, "cmaes")
    for choice in MANY[:40]:
        first.step(choice)
    first.proposals = [one.model_copy(update={"told": None}) for one in first.proposals]
    first.running = [one.model_copy(update={"told": None}) for one in first.running]
    first.resume()
    before = len(first.proposals)
    for choice in MANY[40:60]:
        first.step(choice)
    assert len(first.proposals) > before
    assert len({str(one.config) for one in first.proposals}) == len(first.proposals)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), steps=STEPS)
def test_records_the_export_and_optuna_s_journal_have_the_same(
    tmp_path_factory, kind, data, steps
):
    space = data.draw(KINDS[kind].spaces)
    sampler = data.draw(st.sampled_from(KINDS[kind].samplers))
    folder = tmp_path_factory.mktemp("sweep")
    arm = arm_of(space)
    manifest = tiny.manifest(arm=arm, sampler=sampler, trials=40)
    store = SweepStore.create(folder, manifest)
    ran = sweep(space, sampler, further=KINDS[kind].further)
    objectives = [OBJECTIVE, *(FURTHER[name] for name in KINDS[kind].further)]
    for choice in steps:
        ran.step(choice)
    for proposal in ran.proposals:
        assert config_faults(arm.space, proposal.config) == []
        store.add_proposal(proposal)
    for finished in ran.rows:
        store.add_trial(finished, [])
    again = SweepStore(store.paths.root)
    assert again.proposals() == ran.proposals
    assert again.trials() == ran.rows
    export_study(store.paths.study, "tiny", arm, objectives, again.trials())
    backend = optuna.storages.journal.JournalFileBackend(str(store.paths.study))
    study = optuna.load_study(study_name="tiny", storage=optuna.storages.JournalStorage(backend))
    exported = study.get_trials()
    live = copy.copy(ran.proposer.study).get_trials()
    by_number = sorted(ran.rows, key=lambda one: one.trial)
    assert [one.params for one in exported] == [one.config for one in by_number]
    if remembers(sampler.partition(":")[0]):
        return  # it was told of draws that were passed over as well
    finished = [one for one in live if one.state.is_finished()]
    for mine, theirs in zip(finished, exported, strict=True):
        assert mine.params == theirs.params
        assert mine.distributions == theirs.distributions
        assert (mine.state, mine.values) == (theirs.state, theirs.values)
        assert mine.intermediate_values == theirs.intermediate_values
