"""Which configuration is trained next: an Optuna study, rebuilt from its sweep's records.

The baseline comes first, where the arm has one, then what an interrupted run left unfinished, then
what was given to be tried first and what earlier sweeps found best, then the sampler. A
configuration equal to an earlier one is not trained twice: the sampler is told the known result
and asked again. So it is after one that cannot be trained at all.

What is proposed follows from the seed, the proposal's number and the records: the trials that are
finished and those that are running. So a sweep that was killed goes on as it would have.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import optuna

from ibsweep.errors import SweepError
from ibsweep.questions.conditions import is_complete
from ibsweep.questions.configurations import Configurations, configuration_count
from ibsweep.questions.points import axes_of, axis_size, canonical_config, point_count
from ibsweep.questions.schema import Arm, Objective
from ibsweep.questions.space import to_distributions
from ibsweep.questions.space_faults import config_faults
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Proposal, Trial
from ibsweep.sweep.first import first_configs, observed_trials
from ibsweep.sweep.optuna_trials import frozen_trial, running_trial, suggest
from ibsweep.sweep.sampler_choice import SAMPLERS
from ibsweep.sweep.samplers import make_sampler, remembers
from ibsweep.sweep.trial_storage import TrialStorage

__all__ = ["Proposer"]

optuna.logging.set_verbosity(optuna.logging.ERROR)  # its lines would tear the live table

_DRAWN = 100_000
"""Points of a large grid that are drawn, of which some may be tried already or cannot be."""

_FINE = 1_000
"""Points of a hyperparameter, at least, among which what can be trained is looked for."""

_MAX_DUPLICATES, _MAX_UNFIT = 5, 20
"""Earlier configurations, and such that cannot be trained, after which the sampler is passed over
for one proposal."""


class Proposer:
    """Proposes configurations and learns from finished trials.

    Args:
        arm: The arm with its search space.
        objective: Its question's metric and direction.
        manifest: The sweep: budget, sampler, seed.
        proposals: What was proposed already.
        trials: What is finished already.
        cannot: Tells which configurations cannot be trained; None where all can.
        further: The further objectives.
    """

    def __init__(
        self,
        arm: Arm,
        objective: Objective,
        manifest: Manifest,
        proposals: Sequence[Proposal] = (),
        trials: Sequence[Trial] = (),
        cannot: Callable[[Mapping[str, Any]], bool] | None = None,
        further: Sequence[Objective] = (),
    ) -> None:
        self.arm, self.budget = arm, manifest.trials
        self._cannot = cannot
        self.columns = [one.valid for one in (objective, *further)]
        self.distributions = to_distributions(arm.space)
        self.sampler_name: str = manifest.sampler["name"]
        self._pinned, self._seed = manifest.sampler, manifest.seed
        self._storage = TrialStorage()
        self.study = optuna.create_study(
            storage=self._storage,
            study_name=manifest.name,
            directions=[one.direction for one in (objective, *further)],
            sampler=optuna.samplers.RandomSampler(),  # until one is made for a proposal
        )
        self.exhausted: str | None = None
        """Why fewer configurations were found than the budget asks for, once that is so."""
        self._points: int = manifest.sampler.get("points", 2)
        self._axes = axes_of(arm.space, self._points, stepped_in_full=True)
        self._held = configuration_count(arm.space)
        """How many configurations the space holds; None where it is a continuum."""
        self._partly: int | None = None
        """How many configurations were drawn in vain, where there are more of them."""
        self._random = random.Random(self._seed)
        self._grid = self._drawn(self._axes, self._random) if self._is_grid else None
        self._numbers: dict[int, int] = {}
        """By trial: its number in the study."""
        self._taken: dict[str, int] = {}
        """By configuration: the number of its trial in the study."""
        self._told = self._next = 0
        self._manifest = manifest
        self._is_own = self.sampler_name not in SAMPLERS
        self._remembers = self._to_ask_again = remembers(self.sampler_name)
        self._rows = list(trials)
        self._proposals = _completed(proposals, trials)
        self.study.add_trials(observed_trials(manifest, self.distributions))
        self._offset = self._storage.next_number
        for proposal in self._proposals:
            self._begin(proposal, self._offset + proposal.trial)
        for row in self._rows:
            self._end(row)
        self._first = first_configs(manifest, self._proposals)
        finished = {row.trial for row in trials}
        self._unfinished = deque(p for p in self._proposals if p.trial not in finished)

    def _ask_again(self) -> None:
        """Have a sampler that remembers more than the records say asked again for all that it was
        asked for, in that order.
        """
        self._to_ask_again = False
        self.study.sampler = make_sampler(self._pinned, self.distributions, self._seed)
        self._storage.forget_from(self._offset)
        self._numbers, self._taken, self._told, self._next = {}, {}, 0, 0
        self._first = first_configs(self._manifest, ())
        for proposal in sorted(self._proposals, key=lambda one: (one.told or 0, one.trial)):
            for row in self._rows[self._told : proposal.told or 0]:
                self._end(row)
            self._next = proposal.trial
            number, _, _, noted = self._find() or (self._storage.next_number, "", {}, {})
            self._begin(proposal, number, noted)
        for row in self._rows[self._told :]:
            self._end(row)
        self._next = 0
        self._skip_taken()

    def _skip_taken(self) -> None:
        """Go to the next number that no trial has: one whose lines are gone goes to another."""
        while self._next in self._numbers:
            self._next += 1

    def propose(self) -> tuple[Proposal, bool] | None:
        """Return the next proposal and whether it is new; None once budget or space is used up.

        Raises:
            InputError: If the sampler is the user's own and cannot be made.
            SweepError: If it is, and fails.
        """
        if self._unfinished:
            return self._unfinished.popleft(), False
        if self._next >= self.budget:
            return None
        if self._to_ask_again:
            self._ask_again()
        found = self._find()
        if found is None:
            self.exhausted = self._why_exhausted()
            return None
        number, origin, config, noted = found
        proposal = Proposal(trial=self._next, origin=origin, config=config, told=self._told)
        self._begin(proposal, number, noted)
        return proposal, True

    def tell(self, row: Trial) -> None:
        """Tell the end of a trial: its value, or that it was pruned, or failed and why."""
        if self._to_ask_again:
            self._rows.append(row)
        self._end(row)

    def _begin(
        self, proposal: Proposal, number: int, noted: Mapping[str, Any] | None = None
    ) -> None:
        """Have a trial run, of which the sampler has noted something."""
        self._storage.place(number, running_trial(proposal, self.distributions, noted or {}))
        self._numbers[proposal.trial] = number
        self._taken[self._key(proposal.config)] = number
        self._skip_taken()

    def _end(self, row: Trial) -> None:
        """Have a trial finished."""
        number = self._numbers[row.trial]
        self._tell(number, frozen_trial(row, self.columns, self.distributions))
        self._told += 1

    def _tell(self, number: int, told: optuna.trial.FrozenTrial) -> None:
        """Have a trial or a draw end as another trial has, and tell the sampler."""
        running = self._storage.get_trial(number)
        told.system_attrs = running.system_attrs
        if self._remembers and not self._to_ask_again:
            complete = told.state == optuna.trial.TrialState.COMPLETE
            values = told.values if complete else None
            with self._blamed():
                self.study.sampler.after_trial(self.study, running, told.state, values)
        self._storage.place(number, told)

    def _find(self) -> tuple[int, str, dict[str, Any], Mapping[str, Any]] | None:
        """Draw until a configuration is new and can be trained.

        Returns:
            Its number in the study, its origin, itself, and what the sampler has noted of it; None
            where there is none.
        """
        first = self._storage.next_number
        self._random = random.Random(f"{self._seed} {self._next}")
        if not self._remembers:
            self._storage.show(self._pinned.get("n_observed_trials"))
            self._storage.clear_attributes()
        passed, unfit = Counter[str](), set[str]()
        wanted: Mapping[str, Any] | None = {}
        draw = 0
        try:
            for origin, config in self._candidates(passed):
                draw = draw + 1 if config == wanted else 0
                if draw == 0 and not self._remembers:
                    # a resumed sweep may not come by what was wanted first and passed over
                    self._storage.forget_from(first)
                wanted = config
                trial = self._ask(config, draw)
                # in the search space's order, whatever order Optuna asked in, and its own points
                chosen = canonical_config(self.arm.space, trial.params)
                key = self._key(chosen)
                if key in self._taken:
                    passed["again"] += 1
                    self._pass_over(trial.number, self._taken[key])
                elif self._cannot is not None and self._cannot(chosen):
                    passed["again" if key in unfit else "unfit"] += 1
                    unfit.add(key)
                    self._pass_over(trial.number, None)
                elif self._remembers:
                    noted = self._storage.get_trial(trial.number).system_attrs
                    return trial.number, origin, chosen, noted
                else:
                    return self._offset + self._next, origin, chosen, {}
            return None
        finally:
            if not self._remembers:  # what was drawn in vain is in no record
                self._storage.forget_from(first)

    def _pass_over(self, number: int, twin: int | None) -> None:
        """Have a draw that is not trained end as its twin has, if it has one that is finished."""
        known = None if twin is None else self._storage.get_trial(twin)
        if known is not None and (known.state.is_finished() or not self._remembers):
            self._tell(number, copy.copy(known))
        else:
            failed = optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
            self._tell(number, failed)

    @property
    def _is_grid(self) -> bool:
        return self.sampler_name == "grid"

    @property
    def has_unfinished(self) -> bool:
        """Whether an interrupted run has begun what is to be trained again."""
        return bool(self._unfinished)

    def nothing_left(self) -> str | None:
        """Return why there is nothing to propose, as far as can be told without the sampler."""
        if self._unfinished or self._first:
            return None
        if self._is_grid:
            points = self._drawn(self._axes, random.Random(self._seed))
            left = any(map(self._is_left, points))
        else:
            left = self._held is None or len(self._taken) < self._held
        return None if left else self._why_exhausted()

    def _key(self, config: Mapping[str, Any]) -> str:
        """Return what equal configurations share, whoever wrote their numbers."""
        return json.dumps(canonical_config(self.arm.space, config), sort_keys=True)

    def _is_left(self, config: Mapping[str, Any]) -> bool:
        """Tell whether a configuration is new and can be trained."""
        new = self._key(config) not in self._taken
        return new and (self._cannot is None or not self._cannot(config))

    def _why_exhausted(self) -> str:
        able = "" if self._cannot is None else " that can be trained"
        if self._partly is not None:
            return (
                f"of {self._partly:,} configurations that were drawn at random, all that can be "
                f"trained are tried ({len(self._taken)} are); narrow the search space"
            )
        thinned = [
            name
            for name, spec in self.arm.space.items()
            if axis_size(self._axes[name]) != point_count(spec)
        ]
        if not self._is_grid or not thinned:
            return (
                f"the search space is used up: it holds {len(self._taken)} configurations"
                f"{able}, all are tried"
            )
        points = Configurations(self.arm.space, self._axes).count
        return (
            f"the grid is used up: all its {points} points{able} are tried, but the search space "
            f"holds more: it takes {self._points} values of {', '.join(thinned)}; a `step` in the "
            "space gives it others, and other samplers take any"
        )

    def _candidates(
        self, passed: Mapping[str, int]
    ) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Yield configurations to ask for until one is proposed, with their origin; None leaves it
        to the sampler.

        Args:
            passed: How many were passed over so far: ``again`` those that were seen before,
                ``unfit`` those that cannot be trained.
        """
        if self._next == 0 and self.arm.baseline is not None:
            # as the space writes it: 1 in a range of floats is 1.0
            yield "baseline", canonical_config(self.arm.space, self.arm.baseline)
        while self._first:
            origin, config = self._first.popleft()
            # the sampler completes a part of one, perhaps to what was tried
            again = 1 if is_complete(self.arm.space, config) else _MAX_DUPLICATES
            for _ in range(again):
                yield origin, dict(config)
        if self._grid is not None:
            for config in self._grid:
                if self._is_left(config):
                    yield self.sampler_name, config
            return
        again, unfit = passed["again"] + _MAX_DUPLICATES, passed["unfit"] + _MAX_UNFIT
        while passed["again"] < again and passed["unfit"] < unfit:
            yield self.sampler_name, None
        for config in self._untried():
            yield self.sampler_name, config

    def _untried(self) -> Iterator[dict[str, Any]]:
        """Yield configurations that no trial has, for a sampler that repeats itself or proposes
        what cannot be trained.
        """
        yield from filter(self._is_left, self._drawn(self._fine_axes, self._random))
        total = Configurations(self.arm.space, self._fine_axes).count
        if self._partly is None and total != self._held:
            self._partly = total

    @cached_property
    def _fine_axes(self) -> dict[str, Sequence[Any]]:
        """Values by hyperparameter, more than there are proposals: all of a small space, and of a
        large one enough that they cannot all have been proposed.
        """
        most = max(self.budget + 1, _FINE)
        return axes_of(self.arm.space, most)

    def _drawn(
        self, axes: Mapping[str, Sequence[Any]], draws: random.Random
    ) -> Iterator[dict[str, Any]]:
        """Yield points in random order: as many as can be needed, there may be more."""
        most = max(self.budget + len(self._taken), _DRAWN)
        points = Configurations(self.arm.space, axes)
        yield from points.drawn(most, draws)
        if points.count > most:
            self._partly = most

    def _ask(self, config: Mapping[str, Any] | None, draw: int) -> optuna.Trial:
        if not self._remembers:
            self.study.sampler = make_sampler(
                self._pinned, self.distributions, self._seed, self._next, draw
            )
        if config is not None:
            self.study.enqueue_trial(dict(config))
        with self._blamed():
            trial = self.study.ask()
            suggest(trial, self.arm.space)
            chosen = canonical_config(self.arm.space, trial.params)
            if self._is_own and (faults := config_faults(self.arm.space, chosen)):
                raise ValueError(f"it proposed {'; '.join(map(str, faults))}")
        return trial

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Say of what fails in a sampler of the user's own that it has failed there."""
        try:
            yield
        except Exception as error:
            if not self._is_own:
                raise
            kind = f"{type(error).__name__}: {error}".replace("\n", " ")
            raise SweepError(
                f"the sampler {self.sampler_name} has failed at trial {self._next}: {kind}"
            ) from error


def _completed(proposals: Sequence[Proposal], trials: Sequence[Trial]) -> list[Proposal]:
    """Return proposals by number, with those whose line is gone while their trial's is there."""
    found = {one.trial: one for one in proposals}
    for row in trials:
        if row.trial not in found:
            found[row.trial] = Proposal(trial=row.trial, origin=row.origin, config=row.config)
    return [found[number] for number in sorted(found)]
