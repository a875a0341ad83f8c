"""The trials that a sampler sees: those of a sweep's records, by the numbers of their proposals.

Optuna's own storages number trials in the order in which they were asked for and keep all that was
ever drawn. What a sampler proposes would then depend on what one process happened to draw; here
nothing is seen but what the records have, so that a resumed sweep goes on as it would have.
"""

from __future__ import annotations

import bisect
import copy
import datetime
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ibsweep.sweep.window import best_and_recent

__all__ = ["TrialStorage"]

_STUDY = 0


class TrialStorage(BaseStorage):
    """Trials of one study in memory, by number; what changes is replaced by a changed copy."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._finished: list[int] = []
        self._values: dict[int, list[float]] = {}  # less is better, of those that are complete
        self._shown: Sequence[int] | None = None
        self._shown_from = 0
        self._name, self._directions = "", [StudyDirection.MINIMIZE]
        self._user_attrs: dict[str, Any] = {}
        self._system_attrs: dict[str, Any] = {}
        self._trials: dict[int, FrozenTrial] = {}  # in the order of their numbers

    @property
    def next_number(self) -> int:
        """The number that a new trial gets."""
        return next(reversed(self._trials), -1) + 1

    def place(self, number: int, trial: FrozenTrial) -> None:
        """Have a trial under a number, in the place of the one that has it."""
        trial.number = trial._trial_id = number
        between = number not in self._trials and number < self.next_number
        self._trials[number] = trial
        if between:
            self._trials = dict(sorted(self._trials.items()))
        (self._open.discard if trial.state.is_finished() else self._open.add)(number)
        if trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        bisect.insort(self._finished, number)
        if trial.state == TrialState.COMPLETE:
            signs = [1 if one == StudyDirection.MINIMIZE else -1 for one in self._directions]
            self._values[number] = [s * v for s, v in zip(signs, trial.values, strict=True)]

    def forget_from(self, number: int) -> None:
        """Have no trials of this number or higher ones."""
        for one in range(number, self.next_number):
            self._trials.pop(one, None)
            self._values.pop(one, None)
            self._open.discard(one)
        del self._finished[bisect.bisect_left(self._finished, number) :]

    def show(self, most: int | None) -> None:
        """Show samplers so many of the finished trials at most, from now on, and those that run.

        Args:
            most: The best and the most recent of so many; None for all.
        """
        if most is None or len(self._finished) <= most:
            self._shown = None
            return
        chosen = best_and_recent(self._finished, self._values, most)
        self._shown, self._shown_from = sorted([*chosen, *self._open]), self.next_number

    def clear_attributes(self) -> None:
        """Forget what a sampler has noted of the study."""
        self._system_attrs = {}

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Keep the name and the directions of the study, of which there is one."""
        self._name, self._directions = study_name or "", list(directions)
        return _STUDY

    def delete_study(self, study_id: int) -> None:
        """Forget all trials."""
        self._trials.clear()

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note something of the study."""
        self._user_attrs = {**self._user_attrs, key: value}

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note something of the study, for a sampler."""
        self._system_attrs = {**self._system_attrs, key: value}

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the id of the study."""
        return _STUDY

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the study's name."""
        return self._name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the study's directions."""
        return self._directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return what was noted of the study."""
        return self._user_attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return what samplers have noted of the study."""
        return self._system_attrs

    def get_all_studies(self) -> list[Any]:
        """Return no studies: nobody looks for one here."""
        return []

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Add a trial, under the number that follows."""
        number = self.next_number
        trial = FrozenTrial(
            number=number,
            trial_id=number,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.datetime.now(),
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
        self.place(number, trial if template_trial is None else copy.copy(template_trial))
        return number

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Set a value of a trial."""
        trial = self._changeable(trial_id)
        value = distribution.to_external_repr(param_value_internal)
        trial.params = {**trial.params, param_name: value}
        trial.distributions = {**trial.distributions, param_name: distribution}

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Begin or finish a trial."""
        if state == TrialState.RUNNING and self._trials[trial_id].state != TrialState.WAITING:
            return False
        trial = self._changeable(trial_id)
        trial.state = state
        if values is not None:
            trial.values = values
        if state.is_finished():
            trial.datetime_complete = datetime.datetime.now()
        return True

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Set a value of a trial before its end."""
        trial = self._changeable(trial_id)
        trial.intermediate_values = {**trial.intermediate_values, step: intermediate_value}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note something of a trial."""
        trial = self._changeable(trial_id)
        trial.user_attrs = {**trial.user_attrs, key: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note something of a trial, for a sampler."""
        trial = self._changeable(trial_id)
        trial.system_attrs = {**trial.system_attrs, key: value}

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial.

        Raises:
            KeyError: If there is none of that number.
        """
        return self._trials[trial_id]

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials that a sampler is shown."""
        if states == (TrialState.WAITING,):  # Optuna looks for what is enqueued, which comes last
            last = next(reversed(self._trials.values()), None)
            return [last] if last is not None and last.state == TrialState.WAITING else []
        if self._shown is None:
            trials = list(self._trials.values())
        else:
            new = range(self._shown_from, self.next_number)
            trials = [self._trials[number] for number in (*self._shown, *new)]
        if states is not None:
            trials = [trial for trial in trials if trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def _changeable(self, trial_id: int) -> FrozenTrial:
        """Return a copy of a trial that has taken its place: others may hold the old one."""
        trial = self._trials[trial_id]
        self.check_trial_is_updatable(trial_id, trial.state)
        self._trials[trial_id] = changed = copy.copy(trial)
        return changed
