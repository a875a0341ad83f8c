"""Which trials TPE looks at where there are many."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from spaces import SMOOTH, arm_of, figure

from ibsweep.results.records import TrialState
from ibsweep.sweep.proposals import Proposer
from ibsweep.sweep.window import best_and_recent, best_of


@given(st.lists(st.integers(0, 50), max_size=80), st.integers(1, 40))
def test_the_best_and_the_most_recent(figures, most):
    finished = list(range(0, 2 * len(figures), 2))
    values = {number: [figure] for number, figure in zip(finished, figures, strict=True)}
    found = best_and_recent(finished, values, most)
    assert found == sorted(set(found))
    assert len(found) == min(most, len(finished))
    left_out = [values[number][0] for number in set(finished) - set(found)]
    best = sorted(figures)[: max(1, most // 10)]
    assert all(figure >= best[-1] for figure in left_out)
    if left_out:
        newest = finished[-(most - len(best)) :] if most > len(best) else []
        assert set(newest) <= set(found)


def test_where_nothing_is_complete_the_most_recent_are_looked_at():
    assert best_and_recent(range(10), {}, 4) == [6, 7, 8, 9]


@given(
    st_numpy.arrays(
        np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(0, 9)
    ),
    st.integers(1, 30),
)
def test_of_several_objectives_nobody_chosen_is_dominated_by_one_left_out(values, count):
    chosen = best_of(values, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(values))
    for other in set(range(len(values))) - set(chosen):
        for one in chosen:
            better = np.all(values[other] <= values[one]) and np.any(values[other] < values[one])
            assert not better


def test_tpe_sees_the_best_the_recent_and_those_that_run(monkeypatch):
    """And numbers as they are, whatever it is not shown."""
    arm = arm_of(SMOOTH)
    manifest = tiny.manifest(arm=arm, sampler="tpe:n_observed_trials=100", trials=200)
    proposer = Proposer(arm, tiny.question().objective, manifest)
    figures = {}
    for _ in range(150):
        proposal, _ = proposer.propose()
        if proposal.trial % 40 == 7:
            continue  # it runs on
        state = TrialState.PRUNED if proposal.trial % 3 else TrialState.COMPLETE
        value = figure(proposal.config)
        if state == TrialState.COMPLETE:
            figures[proposal.trial] = value
        rungs = ((1, value),)
        proposer.tell(
            tiny.trial(proposal.trial, proposal.config, accuracy=value, state=state, rungs=rungs)
        )
    seen = {}

    class Seeing(optuna.samplers.TPESampler):
        def sample_relative(self, study, trial, search_space):
            trials = study._get_trials(deepcopy=False, use_cache=False)
            seen.update({one.number: one.state.name for one in trials if one is not trial})
            return super().sample_relative(study, trial, search_space)

    monkeypatch.setattr(
        "ibsweep.sweep.proposals.make_sampler", lambda *_: Seeing(multivariate=True)
    )
    proposal, _ = proposer.propose()
    assert proposal.trial == 150
    running = [number for number, state in seen.items() if state == "RUNNING"]
    assert running == [7, 47, 87, 127]
    assert len(seen) == 100 + 4
    best = sorted(figures, key=lambda number: -figures[number])[:10]
    assert set(best) <= set(seen)
    recent = [n for n in range(150) if n not in running and n not in best][-90:]
    assert set(seen) == {*best, *recent, *running}


@pytest.mark.parametrize("count", [99, 100])
def test_up_to_the_bound_nothing_changes(count):
    arm = arm_of(SMOOTH)
    found = []
    for sampler in ("tpe:n_observed_trials=100", "tpe:n_observed_trials=1000"):
        manifest = tiny.manifest(arm=arm, sampler=sampler, trials=200)
        proposer = Proposer(arm, tiny.question().objective, manifest)
        configs = []
        for _ in range(count):
            proposal, _ = proposer.propose()
            configs.append(proposal.config)
            proposer.tell(
                tiny.trial(proposal.trial, proposal.config, accuracy=figure(proposal.config))
            )
        configs.append(proposer.propose()[0].config)
        found.append(configs)
    assert found[0] == found[1]
