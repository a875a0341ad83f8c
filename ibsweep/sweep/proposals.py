"""Which configuration is trained next: an Optuna study, rebuilt from its sweep's records.

The baseline comes first, where the arm has one, then what an interrupted run left unfinished, then
what was given to be tried first and what earlier sweeps found best, then the sampler. A
configuration equal to an earlier one is not trained twice: the study is told the known result and
asked again. So it is after one that cannot be trained at all.
"""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.storages.journal import JournalFileBackend

from ibsweep.questions.conditions import is_active, is_complete, is_conditional
from ibsweep.questions.configurations import Configurations, configuration_count
from ibsweep.questions.points import axes_of, axis_size, canonical_config, point_count
from ibsweep.questions.schema import Arm, Objective
from ibsweep.questions.space import (
    CategoricalSpec,
    FloatSpec,
    IntSpec,
    Spec,
    to_distributions,
)
from ibsweep.results.files import replace_file
from ibsweep.results.layout import STUDY_DIRECTORY
from ibsweep.results.manifest import Manifest
from ibsweep.results.records import Proposal, Trial, TrialState
from ibsweep.sweep.first import first_configs, observed_trials
from ibsweep.sweep.options import SAMPLERS

__all__ = ["Proposer", "export_study", "suggest"]

optuna.logging.set_verbosity(optuna.logging.ERROR)  # its lines would tear the live table

_SAMPLER_CLASSES = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "nsga2": "NSGAIISampler",
}
_DRAWN_BY_TPE = "tpe:relative_params:0"
"""Where Optuna keeps what TPE drew for a trial, until it has finished."""
_GENERATION = "NSGAIISampler:generation"
"""Where Optuna keeps the generation of a trial: without it earlier ones are no parents."""

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
        self._storage = optuna.storages.InMemoryStorage()
        self.study = optuna.create_study(
            storage=self._storage,
            study_name=manifest.name,
            directions=[one.direction for one in (objective, *further)],
            # a resumed sampler must not draw again what it drew first
            sampler=_make_sampler(manifest.sampler, manifest.seed, len(proposals)),
        )
        self.exhausted: str | None = None
        """Why fewer configurations were found than the budget asks for, once that is so."""
        self._random = random.Random(manifest.seed)
        self._running: dict[int, optuna.Trial] = {}
        # by configuration; None while it is not finished
        self._outcomes: dict[str, Trial | None] = {self._key(p.config): None for p in proposals}
        self.study.add_trials(observed_trials(manifest, self.distributions))
        population, complete = manifest.sampler.get("population_size"), 0
        for row in sorted(trials, key=lambda row: row.trial):
            generation = complete // population if population else None
            complete += row.state == TrialState.COMPLETE
            self.study.add_trial(_frozen_trial(row, self.columns, self.distributions, generation))
            self._outcomes[self._key(row.config)] = row
        self._points: int = manifest.sampler.get("points", 2)
        self._axes = axes_of(arm.space, self._points, stepped_in_full=True)
        self._held = configuration_count(arm.space)
        """How many configurations the space holds; None where it is a continuum."""
        self._partly: int | None = None
        """How many configurations were drawn in vain, where there are more of them."""
        self._grid = self._drawn(self._axes) if self.sampler_name == "grid" else None
        finished = {row.trial for row in trials}
        self._unfinished = deque(p for p in proposals if p.trial not in finished)
        taken_numbers = {proposal.trial for proposal in proposals}
        # the number of a trial whose lines are gone goes to another
        self._free = (n for n in range(self.budget) if n not in taken_numbers)
        self._next = next(self._free, None)
        self._first = first_configs(manifest, proposals)

    def propose(self) -> tuple[Proposal, bool] | None:
        """Return the next proposal and whether it is new; None once budget or space is used up."""
        if self._unfinished:
            proposal = self._unfinished.popleft()
            self._running[proposal.trial] = self._ask(proposal.config)
            return proposal, False
        if self._next is None:
            return None
        passed, unfit = Counter[str](), set[str]()
        for origin, config in self._candidates(passed):
            trial = self._ask(config)
            # in the search space's order, whatever order Optuna asked in, and its own points
            chosen = canonical_config(self.arm.space, trial.params)
            key = self._key(chosen)
            if key in self._outcomes:
                passed["again"] += 1
                self._tell_duplicate(trial, self._outcomes[key])
            elif self._cannot is not None and self._cannot(chosen):
                passed["again" if key in unfit else "unfit"] += 1
                unfit.add(key)
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                self._outcomes[key] = None
                proposal = Proposal(trial=self._next, origin=origin, config=chosen)
                self._next = next(self._free, None)
                self._running[proposal.trial] = trial
                return proposal, True
        self.exhausted = self._why_exhausted()
        return None

    @property
    def has_unfinished(self) -> bool:
        """Whether an interrupted run has begun what is to be trained again."""
        return bool(self._unfinished)

    def nothing_left(self) -> str | None:
        """Return why there is nothing to propose, as far as can be told without the sampler."""
        if self._unfinished or self._first:
            return None
        if self._grid is not None:
            left = any(map(self._is_left, self._drawn(self._axes)))
        else:
            left = self._held is None or len(self._outcomes) < self._held
        return None if left else self._why_exhausted()

    def _key(self, config: Mapping[str, Any]) -> str:
        """Return what equal configurations share, whoever wrote their numbers."""
        return json.dumps(canonical_config(self.arm.space, config), sort_keys=True)

    def _is_left(self, config: Mapping[str, Any]) -> bool:
        """Tell whether a configuration is new and can be trained."""
        new = self._key(config) not in self._outcomes
        return new and (self._cannot is None or not self._cannot(config))

    def _why_exhausted(self) -> str:
        able = "" if self._cannot is None else " that can be trained"
        if self._partly is not None:
            return (
                f"of {self._partly:,} configurations that were drawn at random, all that can be "
                f"trained are tried ({len(self._outcomes)} are); narrow the search space"
            )
        thinned = [
            name
            for name, spec in self.arm.space.items()
            if axis_size(self._axes[name]) != point_count(spec)
        ]
        if self._grid is None or not thinned:
            return (
                f"the search space is used up: it holds {len(self._outcomes)} configurations"
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
        yield from filter(self._is_left, self._drawn(self._fine_axes))
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

    def _drawn(self, axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Yield points in random order: as many as can be needed, there may be more."""
        most = max(self.budget + len(self._outcomes), _DRAWN)
        points = Configurations(self.arm.space, axes)
        yield from points.drawn(most, self._random)
        if points.count > most:
            self._partly = most

    def _ask(self, config: Mapping[str, Any] | None) -> optuna.Trial:
        if config is not None:
            self.study.enqueue_trial(dict(config))
        trial = self.study.ask()
        suggest(trial, self.arm.space)
        if self.sampler_name == "tpe" and is_conditional(self.arm.space):
            self._forget_what_is_not_set(trial)
        return trial

    def _forget_what_is_not_set(self, trial: optuna.Trial) -> None:
        """Leave a running trial with its own values alone.

        Optuna's TPE draws every group of hyperparameters before it is known which of them are set,
        and keeps what it drew: while the trial runs, the next proposals would stay clear of values
        that nobody tries.
        """
        storage = self._storage
        study = storage.get_study_id_from_name(self.study.study_name)
        number = storage.get_trial_id_from_study_id_trial_number(study, trial.number)
        storage.set_trial_system_attr(number, _DRAWN_BY_TPE, json.dumps(trial.params))

    def _tell_duplicate(self, trial: optuna.Trial, first: Trial | None) -> None:
        """Finish a trial whose configuration was proposed before: its figure is told once more."""
        if first is not None and first.state == TrialState.COMPLETE:
            self.study.tell(trial, _values(first, self.columns))
        else:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Tell an intermediate value; Optuna takes none of several objectives."""
        if len(self.columns) > 1:
            return
        self._running[trial].report(value, step=epoch)

    def tell(self, row: Trial) -> None:
        """Tell the end of a trial: its value, or that it was pruned, or failed and why."""
        trial = self._running.pop(row.trial)
        self._outcomes[self._key(row.config)] = row
        if row.reason:
            trial.set_user_attr("reason", row.reason)
        if row.state == TrialState.COMPLETE:
            self.study.tell(trial, _values(row, self.columns))
        else:
            self.study.tell(trial, state=optuna.trial.TrialState[row.state.value])


def suggest(trial: optuna.Trial, space: Mapping[str, Spec]) -> dict[str, Any]:
    """Ask a trial for a value of each hyperparameter that is active with those before it.

    Args:
        trial: A trial of Optuna's.
        space: Specs by hyperparameter.
    """
    config: dict[str, Any] = {}
    for name, spec in space.items():
        if not is_active(spec, config):
            continue
        match spec:
            case FloatSpec():
                config[name] = trial.suggest_float(
                    name, spec.low, spec.high, log=spec.log, step=spec.step
                )
            case IntSpec():
                config[name] = trial.suggest_int(
                    name, spec.low, spec.high, log=spec.log, step=spec.step
                )
            case CategoricalSpec():
                config[name] = trial.suggest_categorical(name, spec.choices)
    return config


def _make_sampler(
    pinned: Mapping[str, Any], seed: int, proposed: int
) -> optuna.samplers.BaseSampler:
    entropy = int(np.random.SeedSequence([seed, proposed]).generate_state(1)[0])
    name = pinned["name"]
    if name not in _SAMPLER_CLASSES:  # the grid brings its own configurations
        return optuna.samplers.RandomSampler(seed=entropy)
    arguments = {key: pinned[key] for key in SAMPLERS[name]}
    with warnings.catch_warnings():
        # some arguments are marked experimental; they are pinned and recorded here
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: optuna.samplers.BaseSampler = getattr(optuna.samplers, _SAMPLER_CLASSES[name])(
            seed=entropy, **arguments
        )
    return sampler


def _values(row: Trial, columns: Sequence[str]) -> list[float]:
    """Return the figures of a complete trial, which has all of them."""
    return [value for column in columns if (value := row.figure(column)) is not None]


def _frozen_trial(
    row: Trial,
    columns: Sequence[str],
    distributions: Mapping[str, BaseDistribution],
    generation: int | None = None,
) -> optuna.trial.FrozenTrial:
    several, values = len(columns) > 1, None
    if row.state == TrialState.COMPLETE:
        values = _values(row, columns)
    elif row.state == TrialState.PRUNED and not several:
        values = [row.rungs[-1][1]]
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[row.state.value],
        values=values,
        params=dict(row.config),
        distributions={name: distributions[name] for name in row.config},
        # of several objectives Optuna takes none, and TPE ends where it finds some
        intermediate_values={} if several else dict(row.rungs),
        system_attrs={} if generation is None else {_GENERATION: generation},
        user_attrs={
            "trial": row.trial,
            "origin": row.origin,
            **({"reason": row.reason} if row.reason else {}),
        },
    )


def export_study(
    path: Path, name: str, arm: Arm, objectives: Sequence[Objective], trials: Sequence[Trial]
) -> None:
    """Write the finished trials as an Optuna journal that Optuna's own tools open.

    Args:
        path: The journal; an older one is replaced.
        name: The study's name: the sweep's.
        arm: The arm with its search space.
        objectives: Its question's metrics with their directions.
        trials: The finished trials.
    """
    distributions = to_distributions(arm.space)
    columns = [one.valid for one in objectives]
    found = [_frozen_trial(row, columns, distributions) for row in sorted(trials, key=_number)]
    # earlier versions wrote where the study stays, and left a lock when they were killed
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=STUDY_DIRECTORY, dir=path.parent) as folder:
        aside = Path(folder, path.name)  # Optuna writes through links, and line by line
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(aside)))
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=[one.direction for one in objectives],
        )
        study.add_trials(found)
        replace_file(path, aside.read_bytes())


def _number(row: Trial) -> int:
    return row.trial
