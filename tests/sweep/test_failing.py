"""Values whose trials fail each time are told once."""

from __future__ import annotations

import tiny

from ibsweep.results.records import TrialState
from ibsweep.sweep.failing import FailingValues

FAIL = TrialState.FAIL


def trial(number, kernel_size, state=FAIL, lr=0.1):
    config = {"kernel_size": kernel_size, "lr": lr + number / 100}
    return tiny.trial(number, config, state=state, reason="it is too large\nfor them")


def test_a_value_is_told_once_its_third_trial_failed_and_no_other_did_not():
    failing = FailingValues([trial(0, 3, TrialState.COMPLETE), trial(1, 15)])
    assert failing.add(trial(2, 15)) == []
    assert failing.add(trial(3, 15)) == [
        "all 3 trials with kernel_size 15 failed (it is too large); leave it out of the space if "
        "it cannot work"
    ]
    assert failing.add(trial(4, 15)) == []


def test_one_that_worked_or_where_everything_fails_is_not():
    failing = FailingValues([trial(i, 15) for i in range(5)])
    assert failing.add(trial(5, 9)) == [], "nothing has worked"
    assert failing.add(trial(6, 9, TrialState.PRUNED)) == []
    assert failing.add(trial(7, 9)) == failing.add(trial(8, 9)) == []
    assert failing.add(trial(9, 15)) != []
