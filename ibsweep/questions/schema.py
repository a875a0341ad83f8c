"""The questions: a file parsed and validated into its data, objective, arms and claims.

A file is read whole before anything runs, and everything that is wrong in it is reported at once.
"""

from __future__ import annotations

import math
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
    model_serializer,
    model_validator,
)

from ibsweep.errors import Fault, InputError, format_value, suggestion
from ibsweep.metrics import METRICS, Direction, format_figure
from ibsweep.models import MODELS
from ibsweep.models.catalogue import Family
from ibsweep.paths import operand
from ibsweep.questions.completion import completed
from ibsweep.questions.faults import inconsistencies
from ibsweep.questions.old_form import present_form
from ibsweep.questions.space import CategoricalSpec, Scalar, Spec, fault_error
from ibsweep.user_code import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self


__all__ = [
    "CLAIM_TESTS",
    "Arm",
    "Claim",
    "ClaimTest",
    "CostNeededTest",
    "DifferenceTest",
    "Estimand",
    "LevelTest",
    "Objective",
    "PublishedFigure",
    "Question",
    "Scored",
    "TrainSizesNeededTest",
    "Variant",
]

_Name = Annotated[str, Field(pattern="^[a-z0-9_]+$")]
_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(strict=True, gt=0)]
_Bound = Annotated[float, Field(strict=True)]
_FIGURE = re.compile("(valid|train|test)_[a-z0-9_]+")
_Percent = Annotated[float, Field(strict=True, ge=0, le=100)]


class Scored(Protocol):
    """A result to compare with others; without figures where it failed."""

    def figure(self, column: str) -> float | None:
        """Return a figure by the name of its column, such as ``valid_accuracy``."""


class _Record(BaseModel):
    # The descriptions of the fields end the message "is missing; give ...".
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _is_figure(key: object) -> bool:
    return isinstance(key, str) and bool(_FIGURE.fullmatch(key)) and key != "train_size"


class PublishedFigure(_Record):
    """A figure that was published for a setting, such as ``{train_size: 30, valid_accuracy: 97}``.

    Of the trained model on its validation or training examples, or on test examples.
    """

    train_size: _Count = Field(description="the size of the training set")
    column: str = Field(description="what it is of, such as valid_accuracy")
    value: float = Field(strict=True, description="the figure, in the metric's unit")

    @model_validator(mode="before")
    @classmethod
    def _one_figure(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "column" in data:
            return data
        # manifests of format 2 hold the figure that a setting has not as None
        data = {k: v for k, v in data.items() if v is not None or not _is_figure(k)}
        found = [key for key in data if _is_figure(key)]
        if len(found) != 1:
            text = "must give one figure, such as valid_accuracy: 97.2"
            raise fault_error(cls.__name__, [Fault((), text)])
        (column,) = found
        metric, value = METRICS.get(column.partition("_")[2]), data[column]
        if isinstance(value, bool) or not isinstance(value, int | float):
            text = f"must be a number, but got {format_value(value)}"
            raise fault_error(cls.__name__, [Fault((column,), text)])
        low, high = (metric.low, metric.high) if metric else (None, None)
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = " and ".join(
                f"at {side} {bound:g}"
                for side, bound in (("least", low), ("most", high))
                if bound is not None
            )
            text = f"must be {bounds}, but got {format_value(value)}"
            raise fault_error(cls.__name__, [Fault((column,), text)])
        others = {key: one for key, one in data.items() if key != column}
        return {**others, "column": column, "value": float(value)}

    @model_serializer
    def _as_in_a_file(self) -> dict[str, Any]:
        return {"train_size": self.train_size, self.column: self.value}


class Variant(_Record):
    """Another setting that figures were published for: the baseline with changes."""

    title: _Text = Field(description="a short title")
    changes: dict[str, Scalar] = Field(
        min_length=1, description="the values that replace the baseline's"
    )
    published: tuple[PublishedFigure, ...] = Field(
        min_length=1, description="the published figures"
    )


class Objective(_Record):
    """A metric with its direction and unit: whoever compares or shows figures asks here.

    A file gives a name, or a mapping; all else is resolved when it is read, so that whoever reads
    results later needs no code of the user's.

    Example:
        >>> rmse = Objective.model_validate("rmse")
        >>> rmse.valid, rmse.mode, rmse.format(54.321)
        ('valid_rmse', 'min', '54.32')
    """

    metric: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description=f"one of {', '.join(METRICS)}, or FILE.py:FUNCTION with a direction"
    )
    direction: Direction = Field(description="maximize or minimize")
    title: _Text = Field(description="its name for people")
    unit: str = Field(default="", description="its unit")
    low: float | None = Field(default=None, description="its least value, if it has one")
    high: float | None = Field(default=None, description="its greatest value, if it has one")
    reference: str | None = Field(default=None, description="FILE.py:FUNCTION of an own metric")

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, data: Any) -> Any:
        given: Any = {"metric": data} if isinstance(data, str) else data
        if not isinstance(given, dict) or not isinstance(given.get("metric"), str):
            return given
        name: str = given["metric"]
        if is_reference(name):
            function = name.rpartition(":")[2].replace(".", "_")
            return {"title": function, **given, "metric": function, "reference": name}
        name = name.removeprefix("valid_")  # as question files and manifests once said it
        if given.get("reference"):
            return given
        known = METRICS.get(name)
        if known is None:
            text = f"must be a metric, but got {format_value(name)}; {suggestion(name, METRICS)}"
            text += "; one of your own is written FILE.py:FUNCTION"
            raise fault_error(cls.__name__, [Fault(("metric",), text)])
        direction = given.get("direction", known.direction)
        if direction != known.direction:
            text = f"must be {known.direction!r} for {name}, or left out"
            fault = Fault(("direction",), f"{text}, but got {format_value(direction)}")
            raise fault_error(cls.__name__, [fault])
        entry = {key: getattr(known, key) for key in ("direction", "title", "unit", "low", "high")}
        return {**entry, **given, "metric": name}

    @property
    def valid(self) -> str:
        """The column of its figure on validation examples."""
        return f"valid_{self.metric}"

    @property
    def test(self) -> str:
        """The column of its figure on held-out test examples."""
        return f"test_{self.metric}"

    @property
    def train(self) -> str:
        """The column of its figure on training examples."""
        return f"train_{self.metric}"

    @property
    def cost(self) -> bool:
        """Whether it says what a model costs, and nothing of how good it is."""
        known = METRICS.get(self.metric) if self.reference is None else None
        return known is not None and known.cost

    @property
    def key(self) -> str:
        """What ``TrialPlan.metrics`` says: the name, or the reference of one's own."""
        return self.reference or self.metric

    @property
    def mode(self) -> Literal["max", "min"]:
        """The direction as Ray Tune writes it."""
        return "max" if self.direction == "maximize" else "min"

    @property
    def sign(self) -> Literal[1, -1]:
        """By which a figure is multiplied so that more is better."""
        return 1 if self.direction == "maximize" else -1

    @property
    def worst(self) -> float:
        """The worst value; infinite where it has no bound."""
        bound = self.low if self.sign == 1 else self.high
        return -self.sign * math.inf if bound is None else bound

    def rank(self, row: Scored) -> tuple[float, float]:
        """Return the key that sorts results, best first; ties go to the lower validation loss."""
        value, loss = row.figure(self.valid), row.figure("valid_loss")
        if value is None or math.isnan(value):
            return (math.inf, math.inf)
        # A loss that is not a number must neither win a tie nor break the order.
        return (-self.sign * value, math.inf if loss is None or math.isnan(loss) else loss)

    def format(self, value: float | None, *, signed: bool = False) -> str:
        """Return a figure as people read it, with its unit.

        Args:
            value: The figure; ``-`` stands for None.
            signed: Whether it is a difference of two: with its sign, and of percents in points.
        """
        if self.cost and value is not None and float(value).is_integer() and not signed:
            return f"{value:,.0f} {self.unit}".rstrip()
        return format_figure(value, self.unit, self.low, self.high, signed=signed)


class Arm(_Record):
    """One model family and its search space; its name is its key among the question's arms."""

    name: str
    title: _Text = Field(description="a short title")
    model: str = Field(
        default="", description=f"one of {', '.join(MODELS)}, or such as my_models.py:Net"
    )
    train: str | None = Field(
        default=None, description="a training function, such as train.py:train"
    )
    train_size: int = Field(
        ge=0,
        strict=True,
        description="the size of the training set: one of the split's",
    )
    """In the unit of the split; 0 until the data are bound, where the split gives a share. Where
    the space has it too, the largest that it can be: ``size_of`` tells a configuration's."""
    fixed: dict[str, Scalar] = Field(default={}, description="the settings that are not tuned")
    space: dict[str, Spec] = Field(min_length=1, description="the distributions to tune over")
    baseline: dict[str, Scalar] | None = Field(
        default=None, description="values of the space to try first and to compare with"
    )
    published: tuple[PublishedFigure, ...] = Field(default=(), description="published figures")
    variants: dict[_Name, Variant] = Field(
        default={}, description="other settings with figures, by name"
    )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of training sets that its configurations have: one, unless that is tuned."""
        spec = self.space.get("train_size")
        return tuple(spec.choices) if isinstance(spec, CategoricalSpec) else (self.train_size,)

    def size_of(self, config: Mapping[str, Any]) -> int:
        """Return the size of the training set of a configuration.

        Args:
            config: A value for each hyperparameter of the space.
        """
        size: int = config.get("train_size", self.train_size)
        return size

    @property
    def family(self) -> Family | None:
        """What kind of network its model is; None for one of the user's own."""
        return MODELS[self.model].family if self.model in MODELS else None

    @property
    def implementation(self) -> str:
        """The name of its model, or the reference of its model or training function."""
        return self.train or self.model

    @property
    def references(self) -> tuple[str, ...]:
        """The code of the user's own that it names."""
        return tuple(name for name in (self.model, self.train) if name and is_reference(name))

    def published_value(self, column: str) -> float | None:
        """Return the figure that was published for the baseline at the arm's own size.

        Args:
            column: What it is of, such as ``valid_accuracy``.
        """
        of = (self.train_size, column)
        found = (f.value for f in self.published if (f.train_size, f.column) == of)
        return next(found, None)


Estimand = Literal["mean", "rate", "trained", "probability"]
"""What a test speaks of: the mean over all fresh runs, the rate of those that train, the mean of
those, or the probability that a fresh run of one arm beats a fresh run of the other."""


class _Test(_Record):
    equivalence_margin: Annotated[float, Field(strict=True, gt=0)] | None = Field(
        default=None,
        description="how far from the bound still counts as the same, in the effect's unit",
    )


class _ArmTest(_Test):
    arm: str = Field(description="the name of an arm")
    on: Estimand | None = Field(default=None, description="mean, rate, trained or probability")
    """None: the mean where no run failed, else rate and trained together."""
    where: dict[str, Scalar] = Field(
        default={}, description="values that its configuration must have"
    )
    train_size: _Count | None = Field(default=None, description="the size of the training set")

    @model_validator(mode="after")
    def _no_equivalence_of_a_probability(self) -> Self:
        if self.on == "probability" and self.equivalence_margin is not None:
            text = "must be left out with `on: probability`, which is held against one half alone"
            raise fault_error(type(self).__name__, [Fault(("equivalence_margin",), text)])
        return self


class DifferenceTest(_ArmTest):
    """One arm does better than another on held-out test examples, by more than ``-margin``.

    Each side is its arm's best confirmed configuration; with ``where``, the best of those that
    have these values. They are compared by the question's objective, in whose unit the margin is
    (percents differ by points). ``train_size`` is the arm's own unless it is given.

    ``on`` says of what it speaks. Rates differ by percentage points of runs; a probability is held
    against one half, and has no margin.
    """

    type: Literal["difference"]
    than: str = Field(description="the name of the arm it is compared with")
    than_where: dict[str, Scalar] = Field(
        default={}, description="values that the other's configuration must have"
    )
    margin: float = Field(
        default=0.0,
        ge=0,
        strict=True,
        description="how much worse still counts as no worse",
    )

    @model_validator(mode="after")
    def _no_margin_of_a_probability(self) -> Self:
        if self.on == "probability" and self.margin:
            text = "must be left out with `on: probability`, which is held against one half"
            raise fault_error(type(self).__name__, [Fault(("margin",), text)])
        return self


class LevelTest(_ArmTest):
    """An arm's figure reaches a bound (``at_least``, ``at_most``) or stays clear of it (``below``,
    ``above``), in the metric's own unit; with ``on: rate`` in percent of runs.
    """

    type: Literal["level"]
    metric: str | None = Field(
        default=None, description="test_METRIC or train_METRIC; else the objective's test figure"
    )
    config: Literal["best", "baseline"] = Field(
        default="best", description="best, or baseline for the arm's baseline"
    )
    at_least: _Bound | None = Field(default=None, description="the figure it reaches")
    at_most: _Bound | None = Field(default=None, description="the figure it does not exceed")
    below: _Bound | None = Field(default=None, description="the figure it stays below")
    above: _Bound | None = Field(default=None, description="the figure it stays above")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(getattr(self, side) is not None for side in _SIDES) != 1:
            text = "must give one of at_least, at_most, below and above, in the metric's unit"
            raise fault_error(type(self).__name__, [Fault((), text)])
        return self

    @model_validator(mode="after")
    def _estimand_of_one_arm(self) -> Self:
        if self.on == "probability":
            text = "must be mean, rate or trained, but got 'probability', which takes two arms"
            raise fault_error(type(self).__name__, [Fault(("on",), text)])
        if self.on == "rate" and self.metric is not None:
            text = "must be left out with `on: rate`, whose bound is in percent of runs"
            raise fault_error(type(self).__name__, [Fault(("metric",), text)])
        return self

    @property
    def side(self) -> Literal["at_least", "at_most", "below", "above"]:
        """On which side of the bound the figure is said to be."""
        return next(side for side in _SIDES if getattr(self, side) is not None)

    @property
    def bound(self) -> float:
        """The figure that is said to be reached, or not to be."""
        value: float = getattr(self, self.side)
        return value

    @property
    def upward(self) -> bool:
        """Whether what lies above the bound is as claimed."""
        return self.side in ("at_least", "above")

    @property
    def closed(self) -> bool:
        """Whether the bound itself is as claimed."""
        return self.side in ("at_least", "at_most")


_SIDES: tuple[Literal["at_least", "at_most", "below", "above"], ...] = (
    "at_least",
    "at_most",
    "below",
    "above",
)


class TrainSizesNeededTest(_Test):
    """An arm needs a smaller training set than another to reach a figure of the objective on test
    examples.

    Its effect, and so its ``equivalence_margin``, is in doublings of the training set. It has no
    ``on``.
    """

    type: Literal["train_sizes_needed"]
    arm: str = Field(description="the name of an arm")
    than: str = Field(description="the name of the arm it is compared with")
    value: _Bound = Field(description="the figure to reach, in the objective's unit")

    @model_validator(mode="before")
    @classmethod
    def _no_estimand(cls, data: Any) -> Any:
        if isinstance(data, dict) and "on" in data:
            text = "must be left out of a test of train_sizes_needed, which compares whole curves"
            raise fault_error(cls.__name__, [Fault(("on",), text)])
        return data


class CostNeededTest(_Test):
    """An arm pays less than another for the same figure of the first objective.

    Compared are the fronts that two sweeps for several objectives confirmed, by the means of their
    configurations: at every figure of the first objective that both reach, the cost of the
    cheapest configuration that is as good or better. Its effect, and so its
    ``equivalence_margin``, is in doublings of the cost, averaged over these figures. It has no
    ``on``.
    """

    type: Literal["cost_needed"]
    arm: str = Field(description="the name of an arm")
    than: str = Field(description="the name of the arm it is compared with")
    cost: str = Field(description="one of the further objectives or metrics, such as parameters")

    @model_validator(mode="before")
    @classmethod
    def _no_estimand(cls, data: Any) -> Any:
        if isinstance(data, dict) and "on" in data:
            text = "must be left out of a test of cost_needed, which compares whole fronts"
            raise fault_error(cls.__name__, [Fault(("on",), text)])
        return data


ClaimTest = Annotated[
    DifferenceTest | LevelTest | TrainSizesNeededTest | CostNeededTest,
    Field(discriminator="type"),
]
CLAIM_TESTS: dict[str, type[BaseModel]] = {
    "difference": DifferenceTest,
    "level": LevelTest,
    "train_sizes_needed": TrainSizesNeededTest,
    "cost_needed": CostNeededTest,
}
"""The tests that a claim is made of, by their ``type``."""


class Claim(_Record):
    """A statement that is tested; it holds where all its tests hold."""

    id: _Name = Field(description="an id in small letters, digits and underscores")
    text: _Text = Field(description="the statement")
    tests: tuple[ClaimTest, ...] = Field(min_length=1, description="what would have to hold")


class Question(_Record):
    """A hypothesis, its data, the arms compared under it and the claims to test.

    ``Question.model_validate(question.model_dump(mode="json"))`` is the question again. Reading
    one runs no code of the user's: ``binding`` does.
    """

    question: _Name = Field(description="the question's name, such as q7")
    title: _Text = Field(description="a short title")
    text: str = Field(default="", description="what is asked")
    data: dict[str, JsonValue] = Field(description="where the data come from, under `from`")
    """The data document: what a file has under ``data``, with its ``split`` as one more key."""
    objective: Objective = Field(description="a metric, such as accuracy")
    """The only one, or the first of several: pruning and ``best`` go by it."""
    further_objectives: tuple[Objective, ...] = Field(
        default=(), max_length=3, description="the others of several objectives"
    )
    """A file has all under ``objectives``, and Python as ``Question.objectives``."""
    metrics: tuple[Objective, ...] = Field(
        default=(), max_length=100, description="further metrics to record"
    )
    arms: dict[_Name, Arm] = Field(min_length=1, description="the arms by name")
    claims: tuple[Claim, ...] = Field(default=(), description="the claims to test")
    efficiency: tuple[_Count, ...] = Field(
        default=(),
        description="sizes of training sets at which the best configurations are compared",
    )
    """Where a file gives none, they follow from the data once these are bound."""

    _file: Path | None = PrivateAttr(default=None)

    @property
    def heading(self) -> str:
        """Its name, and its title where it has one of its own."""
        named = self.title in ("", self.question)
        return self.question if named else f"{self.question}: {self.title}"

    def of_file(self, file: Path | None) -> Self:
        """Return the question as one of a file of the user's own; None for a shipped one."""
        question = self.model_copy()
        question._file = file
        return question

    def word(self, arm: str | None = None) -> str:
        """Return what stands for the question on a command line, to be pasted into a shell.

        Args:
            arm: Name of one of its arms, where that alone is meant.
        """
        if self._file is None:
            return arm or self.question
        file = self._file
        with suppress(ValueError):
            file = file.relative_to(Path.cwd())
        return shlex.quote(f"{operand(file)}:{arm}" if arm else operand(file))

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is optimised: one metric, or several of which none is given up for another."""
        return (self.objective, *self.further_objectives)

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """What ``TrialPlan.metrics`` says: all that is recorded, the objectives first."""
        return tuple(dict.fromkeys(one.key for one in (*self.objectives, *self.metrics)))

    def rank(self, row: Scored) -> tuple[float, ...]:
        """Return the key that sorts results, best first, by the first objective.

        Ties go to what is better in the others, so that the first of all is dominated by none, and
        then to the lower validation loss.
        """
        value, loss = self.objective.rank(row)
        return (value, *(one.rank(row)[0] for one in self.further_objectives), loss)

    @property
    def references(self) -> tuple[str, ...]:
        """The code of the user's own that it names, in its data, arms and metrics."""
        source = self.data.get("from")
        named = [source] if isinstance(source, str) and is_reference(source) else []
        named += [name for arm in self.arms.values() for name in arm.references]
        named += [one.reference for one in (*self.objectives, *self.metrics) if one.reference]
        return tuple(dict.fromkeys(named))

    def conditions(self, arm: str) -> list[dict[str, Any]]:
        """Return the values that claims want an arm's configuration to have, each once."""
        wanted = []
        for claim in self.claims:
            for test in claim.tests:
                if isinstance(test, DifferenceTest):
                    wanted += [test.where] if test.arm == arm else []
                    wanted += [test.than_where] if test.than == arm else []
                elif isinstance(test, LevelTest) and test.arm == arm:
                    wanted.append(test.where)
        return [values for i, values in enumerate(wanted) if values and values not in wanted[:i]]

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        return completed(present_form(data))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = [*inconsistencies(self.model_dump()), *self._bound_faults()]
        if faults:
            raise fault_error(type(self).__name__, faults)
        return self

    def _bound_faults(self) -> Iterator[Fault]:
        """Find what claims hold figures against and no figure of the metric can be."""
        for i, claim in enumerate(self.claims):
            for j, test in enumerate(claim.tests):
                path: tuple[str | int, ...] = ("claims", i, "tests", j)
                metric, key = self.objective, "value"
                if isinstance(test, LevelTest):
                    key, value = test.side, test.bound
                    try:
                        metric = self.metric_of(test.metric or metric.test)
                    except InputError as error:
                        yield Fault((*path, "metric"), str(error))
                        continue
                elif isinstance(test, TrainSizesNeededTest):
                    value = test.value
                elif isinstance(test, CostNeededTest):
                    yield from self._cost_faults(test, path)
                    continue
                else:
                    continue
                low, high = metric.low, metric.high
                unit = ""
                if isinstance(test, LevelTest) and test.on == "rate":
                    low, high, unit = 0.0, 100.0, " percent of runs"
                if (low is not None and value < low) or (high is not None and value > high):
                    ends = " and ".join(
                        [f"at least {low:g}"] * (low is not None)
                        + [f"at most {high:g}"] * (high is not None)
                    )
                    yield Fault((*path, key), f"must be {ends}{unit}, but got {value:g}")

    def _cost_faults(self, test: CostNeededTest, path: tuple[str | int, ...]) -> Iterator[Fault]:
        if not self.further_objectives:
            yield Fault((*path, "type"), "needs several `objectives`, whose fronts it compares")
            return
        known = [*self.further_objectives, *self.metrics]
        costs = [one.metric for one in known if one.direction == "minimize"]
        if test.cost not in costs:
            text = (
                f"must be one of `objectives` or `metrics` that is minimized: {', '.join(costs)}"
            )
            yield Fault((*path, "cost"), f"{text}; but got {format_value(test.cost)}")

    def metric_of(self, column: str) -> Objective:
        """Return the metric of a column such as ``test_accuracy``: an objective, a further
        metric of the question, or one that ibsweep knows.

        Raises:
            InputError: If there is no such metric.
        """
        split, _, name = column.partition("_")
        for metric in (*self.objectives, *self.metrics):
            if isinstance(metric, Objective) and metric.metric == name:
                return metric
        if name not in METRICS or split not in ("train", "valid", "test"):
            raise InputError(
                "must be test_METRIC or train_METRIC of a metric, but got "
                f"{format_value(column)}; {suggestion(name or column, METRICS)}"
            )
        return Objective.model_validate(name)
