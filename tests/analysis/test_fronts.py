"""The front of a sweep: who leads, who is chosen, how it grew, and what its claims find."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tiny
from confirmed import SEEDS, frame, question, rows

from ibsweep.analysis import plots
from ibsweep.analysis.claims import Verdict, evaluate
from ibsweep.analysis.fronts import (
    front_left_out,
    front_values,
    hypervolume_history,
    on_front,
    undominated,
)
from ibsweep.analysis.summary import Confirmed, chosen, leading
from ibsweep.questions.schema import Objective
from ibsweep.results.records import Confirmation, TrialState

ACCURACY, PARAMETERS = (Objective.model_validate(name) for name in ("accuracy", "parameters"))
NEEDS = {"type": "cost_needed", "arm": "a", "than": "b", "cost": "parameters"}
SPREAD = np.array([-1.5, -1.0, -0.5, -0.2, 0.2, 0.5, 1.0, 1.5])


def trial(number, accuracy, parameters, **others):
    found = tiny.trial(number, accuracy=accuracy, **others)
    return found.model_copy(update={"valid": {**(found.valid or {}), "parameters": parameters}})


def numbers(trials):
    return [one.trial for one in trials]


TRIALS = [
    trial(0, 90.0, 500.0, origin="baseline"),
    trial(1, 99.0, 1000.0),
    trial(2, 95.0, 100.0),
    trial(3, 80.0, 50.0),
    trial(4, 60.0, 10.0),
    trial(5, 70.0, 60.0),
    trial(6, 100.0, 1.0, state=TrialState.PRUNED, reason="weak"),
]
"""On the front are 1, 2, 3 and 4; 0 and 5 make the next one."""


def test_the_leaders_are_the_front_then_the_next_one_and_the_baseline():
    found = numbers(leading(TRIALS, 5, ACCURACY, further=[PARAMETERS]))
    assert found == [1, 2, 3, 4, 0]
    assert numbers(leading(TRIALS, 6, ACCURACY, further=[PARAMETERS])) == [1, 2, 3, 4, 0, 5]
    assert numbers(leading(TRIALS, 2, ACCURACY, further=[PARAMETERS])) == [1, 4, 0]
    assert numbers(leading(TRIALS[::-1], 3, ACCURACY, further=[PARAMETERS])) == [1, 2, 4, 0]
    assert leading(TRIALS[-1:], 3, ACCURACY, further=[PARAMETERS]) == []


def test_how_many_of_the_front_are_left_out():
    both = (ACCURACY, PARAMETERS)
    leaders = leading(TRIALS, 2, ACCURACY, further=[PARAMETERS])
    assert front_left_out(TRIALS, leaders, both) == 2
    assert front_left_out(TRIALS, TRIALS, both) == 0
    assert front_left_out(TRIALS, leaders, (ACCURACY,)) == 0


def confirmation(number, seed, purpose, accuracy, parameters):
    figures = {"accuracy": accuracy, "parameters": parameters, "loss": 0.5}
    return Confirmation(
        trial=number,
        train_size=10,
        seed=seed,
        epochs=20,
        valid=figures,
        train=figures,
        test=figures if purpose == "score" else {},
        test_confusion=None,
        diverged_epoch=None,
        seconds=1.0,
        purpose=purpose,
        trained=True,
    )


def confirmed(number, valid, test, parameters):
    found = [confirmation(number, i, "choice", v, parameters) for i, v in enumerate(valid)]
    found += [confirmation(number, 9 + i, "score", v, parameters) for i, v in enumerate(test)]
    return Confirmed.of(TRIALS[number], found, ACCURACY)


LEADERS = [
    confirmed(0, [90.0, 91.0], [90.0, 92.0], 500.0),
    confirmed(1, [88.0, 90.0], [97.0, 99.0], 1000.0),  # it was lucky in the sweep
    confirmed(2, [92.0, 96.0], [80.0, 97.0], 100.0),
    confirmed(4, [60.0, 62.0], [60.0, 70.0], 10.0),
]


def test_what_no_leader_dominates_on_the_replicates_that_choose_is_scored():
    found = chosen(LEADERS, ACCURACY, further=[PARAMETERS])
    assert numbers(found) == [2, 4, 0], "best by the first objective first, then the baseline"
    assert [one.trial.trial for one in on_front(LEADERS, (ACCURACY, PARAMETERS))] == [2, 4]


def test_the_probability_of_a_configuration_is_that_over_resamples_of_its_score():
    both = (ACCURACY, PARAMETERS)
    values = front_values(LEADERS, both)
    assert values.shape == (4, 2, 2)
    assert values[0].tolist() == [[-90.0, 500.0], [-92.0, 500.0]]
    first, second, third, fourth = undominated(LEADERS, both)
    assert (second, third, fourth) == (1.0, 1.0, 1.0)
    # only where the second replicate is drawn twice is trial 0 worse than trial 2
    assert first == pytest.approx(0.75, abs=0.03)
    apart = replace(LEADERS[0], rows=())
    assert np.isnan(undominated([apart, LEADERS[1]], both)).all()


def test_how_a_front_grew():
    figures = np.array([[50.0, 64.0], [np.nan, np.nan], [100.0, 4.0], [60.0, 1.0], [10.0, 1024.0]])
    found = hypervolume_history(np.arange(5), figures, (ACCURACY, PARAMETERS))
    assert (found.best, found.worst) == ((100.0, 1.0), (10.0, 1024.0))
    # accuracy in ninetieths, the cost in its ten doublings
    first = 40 / 90 * 4 / 10
    second = 8 / 10  # dominates the first
    third = second + 50 / 90 * 2 / 10
    assert found.values == pytest.approx([first, first, second, third, third])
    nothing = hypervolume_history(np.arange(2), figures[[1, 1]], (ACCURACY, PARAMETERS))
    assert nothing.values.tolist() == [0.0, 0.0]
    alone = hypervolume_history(np.arange(1), figures[:1], (ACCURACY, PARAMETERS))
    assert alone.values.tolist() == [1.0]


# Claims about fronts


def front(arm, points, *, seeds=SEEDS, spread=SPREAD):
    """Rows of an arm's scored configurations: accuracies and costs."""
    return frame(
        *(
            rows(
                arm,
                np.clip(accuracy + spread, 0, 100),
                trial=i + 1,
                role="best" if i == 0 else "leader",
                seeds=seeds,
            ).assign(test_parameters=float(cost))
            for i, (accuracy, cost) in enumerate(points)
        )
    )


def asked(*parts, test=NEEDS, **fields):
    fields = {"objective": None, "objectives": ["accuracy", "parameters"]} | fields
    (result,) = evaluate(question(claims=[[test]], **fields), frame(*parts))
    (found,) = result.tests
    return found


CHEAP = [(95.0, 100), (80.0, 20), (60.0, 5)]


@pytest.mark.parametrize(
    ("factor", "verdict", "doublings"),
    [(4, Verdict.SUPPORTED, 2.0), (0.25, Verdict.REFUTED, -2.0)],
)
def test_a_front_that_costs_less_at_equal_figures(factor, verdict, doublings):
    dear = [(accuracy, cost * factor) for accuracy, cost in CHEAP]
    # the other arm's figures scatter otherwise, so that no two effects are alike
    found = asked(front("a", CHEAP), front("b", dear, spread=SPREAD[::-1] / 2))
    assert found.verdict == verdict
    assert found.effect == pytest.approx(doublings, abs=0.25)
    assert found.low <= found.effect <= found.high
    assert (found.unit, found.replicates, found.on) == ("doublings", 8, "mean")
    less, more = ("a", "b") if factor > 1 else ("b", "a")
    assert found.statement.startswith(f"{more} needs ")
    assert f" times the trained parameters of {less} [" in found.statement
    assert "3 configurations of a and 3 configurations of b" in found.statement
    assert "on 8 paired replicates of one sweep each" in found.statement
    assert {(one.arm, one.trial) for one in found.compared} == set(
        itertools.product("ab", (1, 2, 3))
    )


def test_fronts_that_cost_about_the_same_are_equivalent_within_a_margin():
    same = [(accuracy, cost * 1.05) for accuracy, cost in CHEAP]
    parts = (front("a", CHEAP), front("b", same, spread=SPREAD[::-1] / 50))
    found = asked(*parts, test={**NEEDS, "equivalence_margin": 1.0})
    assert found.verdict == Verdict.EQUIVALENT
    assert asked(*parts, test={**NEEDS, "equivalence_margin": 0.01}).verdict != found.verdict


def test_of_repeated_sweeps_the_sweep_is_the_unit():
    parts = []
    for sweep in range(3):
        seeds = range(100 * sweep, 100 * sweep + 8)
        for arm, factor in (("a", 1), ("b", 4 + sweep)):
            points = [(accuracy, cost * factor) for accuracy, cost in CHEAP]
            spread = SPREAD[::-1] / 2 if arm == "b" else SPREAD
            found = front(arm, points, seeds=seeds, spread=spread)
            parts.append(found.assign(sweep=f"{arm}-{sweep}"))
    found = asked(*parts)
    assert found.unit_of == "sweep"
    assert found.verdict == Verdict.SUPPORTED
    assert found.effect == pytest.approx(np.log2([4, 5, 6]).mean(), abs=0.3)
    assert {one.sweep for one in found.compared} == {f"{a}-{i}" for a in "ab" for i in range(3)}


def test_why_fronts_cannot_be_compared():
    parts = front("a", CHEAP), front("b", CHEAP)
    assert "b has no confirmed sweep" in asked(parts[0]).reason
    bare = parts[1].drop(columns="test_parameters")
    assert "did not record parameters" in asked(parts[0], bare).reason
    apart = front("b", CHEAP, seeds=range(8))
    assert "share fewer than two replicates" in asked(parts[0], apart).reason


def test_a_figure_of_fronts_has_both_objectives_of_every_arm():
    asking = question(objective=None, objectives=["accuracy", "parameters"])
    behind = [(50.0, 40)]
    found = plots.front_info(
        asking, frame(front("a", CHEAP + behind), front("b", CHEAP)), "parameters"
    )
    assert found.arms["a"].cost.tolist() == [5, 20, 40, 100]
    assert found.arms["a"].trials.tolist() == [3, 2, 4, 1]
    assert found.arms["a"].front.tolist() == [True, True, False, True]
    assert found.arms["b"].mean.tolist() == pytest.approx([60, 80, 95])
    assert (found.arms["b"].low < found.arms["b"].mean).all()
