"""Search spaces as W&B, Ray Tune and Optuna write them, and how they are written here.

Nothing is read in those forms: a file has one form. But who brings a space along gets the line to
write in its place, held against the rules before it is offered.
"""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from pydantic import ValidationError

from ibsweep.questions.space import SPEC_ADAPTER

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ARM_KEYS", "OBJECTIVE_KEYS", "PART_NAMES", "QUESTION_KEYS", "as_written_here"]


class _Form(NamedTuple):
    """How a distribution of another tool is written here.

    Attributes:
        type: Its type here.
        log: Whether its logarithm is sampled.
        exclusive: Whether the upper end is left out.
        exponents: Whether its ends are exponents of e.
        order: Positional arguments, where it is a function.
    """

    type: str
    log: bool = False
    exclusive: bool = False
    exponents: bool = False
    order: tuple[str, ...] = ("low", "high", "step")


_CHOICES = _Form("categorical", order=("choices",))
_NAMED = ("name", "low", "high", "step")

_FORMS: Mapping[str, _Form] = {
    # Ray Tune, and W&B and Hyperopt where the name is the same
    "uniform": _Form("float"),
    "quniform": _Form("float"),
    "loguniform": _Form("float", log=True),
    "qloguniform": _Form("float", log=True),
    "randint": _Form("int", exclusive=True),
    "qrandint": _Form("int"),
    "lograndint": _Form("int", log=True, exclusive=True),
    "qlograndint": _Form("int", log=True),
    "uniformint": _Form("int"),
    "choice": _CHOICES,
    "grid_search": _CHOICES,
    # W&B
    "int_uniform": _Form("int"),
    "q_uniform": _Form("float"),
    "log_uniform": _Form("float", log=True, exponents=True),
    "q_log_uniform": _Form("float", log=True, exponents=True),
    "inv_log_uniform": _Form("float", log=True, exponents=True),
    "log_uniform_values": _Form("float", log=True),
    "q_log_uniform_values": _Form("float", log=True),
    "inv_log_uniform_values": _Form("float", log=True),
    "categorical_w_probabilities": _CHOICES,
    # Optuna
    "suggest_float": _Form("float", order=_NAMED),
    "suggest_int": _Form("int", order=_NAMED),
    "suggest_categorical": _Form("categorical", order=("name", "choices")),
    "suggest_uniform": _Form("float", order=_NAMED),
    "suggest_loguniform": _Form("float", log=True, order=_NAMED),
    "suggest_discrete_uniform": _Form("float", order=_NAMED),
    "FloatDistribution": _Form("float", order=("low", "high", "log", "step")),
    "IntDistribution": _Form("int", order=("low", "high", "log", "step")),
    "CategoricalDistribution": _CHOICES,
    "UniformDistribution": _Form("float"),
    "LogUniformDistribution": _Form("float", log=True),
    "DiscreteUniformDistribution": _Form("float"),
    "IntUniformDistribution": _Form("int"),
    "IntLogUniformDistribution": _Form("int", log=True),
    # what the types are called here
    "float": _Form("float"),
    "int": _Form("int"),
    "categorical": _CHOICES,
}

_UNBOUNDED = {
    *("normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta"),
    *("randn", "qrandn", "lognormal", "qnormal", "qlognormal"),
}
"""Distributions of W&B and Ray Tune that are no range."""

_SINGLE = "one value is not searched: put it under `fixed` of the arm, as {name}: {value}"

PART_NAMES = {
    **dict.fromkeys(("low", "lower", "min", "minimum", "a"), "low"),
    **dict.fromkeys(("high", "upper", "max", "maximum", "b"), "high"),
    **dict.fromkeys(("step", "q"), "step"),
    **dict.fromkeys(("choices", "values", "categories", "options", "grid_search"), "choices"),
    "log": "log",
    **dict.fromkeys(("condition", "conditions", "if", "depends_on", "parent"), "when"),
}
"""What the parts of a distribution are called elsewhere, and here."""

_STEPLESS = ", without its step: "

_OBJECTIVE = "`objective`, as objective: {metric: accuracy, direction: maximize}"
_SPACE = "`space` of an arm, as arms: {NAME: {model: MODEL, fixed: {...}, space: {...}}}"

QUESTION_KEYS: Mapping[str, str] = {
    # W&B
    "method": "--sampler of `ibsweep tune`: tpe (bayes), random or grid",
    "metric": _OBJECTIVE,
    "parameters": _SPACE,
    "early_terminate": "--pruner of `ibsweep tune`: asha, median, hyperband or none",
    "run_cap": "--trials of `ibsweep tune`",
    "program": "`train` of an arm, as train: FILE.py:FUNCTION",
    "command": "`train` of an arm, as train: FILE.py:FUNCTION",
    "entity": "nothing, leave it out: results are a directory, given by --results",
    "project": "nothing, leave it out: results are a directory, given by --results",
    # Ray Tune
    "config": _SPACE,
    "param_space": _SPACE,
    "num_samples": "--trials of `ibsweep tune`",
    "search_alg": "--sampler of `ibsweep tune`: tpe, random, grid, gp, cmaes or nsga2",
    "scheduler": "--pruner of `ibsweep tune`: asha, median, hyperband or none",
    "time_budget_s": "--time-budget of `ibsweep tune`",
    "resources_per_trial": "--cpus-per-trial and --gpus-per-trial of `ibsweep tune`",
    "mode": _OBJECTIVE,
    # Optuna
    "direction": _OBJECTIVE,
    "directions": "`objectives`, as objectives: [accuracy, parameters]",
    "n_trials": "--trials of `ibsweep tune`",
    "sampler": "--sampler of `ibsweep tune`: tpe, random, grid, gp, cmaes or nsga2",
    "pruner": "--pruner of `ibsweep tune`: asha, median, hyperband or none",
    "timeout": "--time-budget of `ibsweep tune`",
    "storage": "--results of `ibsweep tune`",
    "study_name": "--name of `ibsweep tune`",
    "search_space": _SPACE,
    "space": _SPACE,
    # flags that are put into the file
    "trials": "--trials of `ibsweep tune`",
    "replicates": "--replicates of `ibsweep tune`",
    "seed": "--seed of `ibsweep tune`",
}
"""Keys of a question's file that other tools have, and what stands for them here."""

ARM_KEYS: Mapping[str, str] = {
    **dict.fromkeys(
        ("parameters", "params", "config", "param_space", "search_space", "hyperparameters"),
        "`space`, as space: {lr: {type: float, low: 0.0001, high: 0.1, log: true}}",
    ),
    **dict.fromkeys(
        ("points_to_evaluate", "defaults", "init", "initial", "enqueue_trial"),
        "`baseline`, as baseline: {lr: 0.01}",
    ),
    **dict.fromkeys(("constants", "constant", "value"), "`fixed`, as fixed: {epochs: 20}"),
    "program": "`train`, as train: FILE.py:FUNCTION",
    "metric": "`objective` of the question, beside `arms`",
}
"""Keys of an arm that other tools have, and what stands for them here."""

OBJECTIVE_KEYS: Mapping[str, str] = {
    "name": "`metric`, as objective: {metric: accuracy}",
    "goal": "`direction`, as direction: maximize or direction: minimize",
    "mode": "`direction`, as direction: maximize or direction: minimize",
    "target": "nothing, leave it out: a claim holds a figure against a bound",
}
"""Keys of an objective that other tools have, and what stands for them here."""


def as_written_here(name: str, given: Any) -> str | None:
    """Return how a distribution of another tool is written here, as the tail of a message.

    Args:
        name: The hyperparameter.
        given: What stands in the file in place of a distribution.

    Returns:
        Such as ``here it is lr: {type: float, low: 0.0001, high: 0.1, log: true}``; None where it
        is of no form that is known.

    Example:
        >>> print(as_written_here("lr", {"distribution": "uniform", "min": 0, "max": 1}))
        here it is lr: {type: float, low: 0.0, high: 1.0}
    """
    if isinstance(given, str):
        return _of_call(name, given)
    if isinstance(given, list | tuple):
        return _shown(name, _CHOICES, {"choices": list(given)})
    if isinstance(given, bool | int | float):
        return _SINGLE.format(name=_flow(name), value=_flow(given))
    if not isinstance(given, dict):
        return None
    if isinstance(given.get("attributes"), dict):  # as Optuna stores one
        given = {"type": given.get("name"), **given["attributes"]}
    if "value" in given and isinstance(given["value"], bool | int | float | str):
        return _SINGLE.format(name=_flow(name), value=_flow(given["value"]))
    kind = given.get("distribution", given.get("type"))
    parts = {PART_NAMES[key]: value for key, value in given.items() if key in PART_NAMES}
    kind = kind if isinstance(kind, str) else None
    if kind in _UNBOUNDED:
        return _range_instead(name)
    form = None if kind is None else _FORMS.get(kind)
    if form is None and "choices" in parts:
        form = _CHOICES
    elif form is None and {"low", "high"} <= parts.keys() and (kind is None or kind == "double"):
        whole = all(type(parts[end]) is int for end in ("low", "high"))
        form = _Form("int" if whole else "float")
    return None if form is None else _shown(name, form, parts)


def _of_call(name: str, text: str) -> str | None:
    """Read ``tune.loguniform(1e-4, 0.1)``, without running it."""
    if len(text) > 300:
        return None
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or any(word.arg is None for word in call.keywords):
            return None
        function = ast.unparse(call.func).rpartition(".")[2]
        if function in _UNBOUNDED:
            return _range_instead(name)
        form = _FORMS.get(function)
        if form is None:
            return None
        given = [ast.literal_eval(one) for one in call.args]
        if given and isinstance(given[0], str) and "name" not in form.order:
            # Hyperopt labels its distributions, and gives the exponents of those that are log
            given, form = given[1:], form._replace(exponents=form.log)
        values = dict(zip(form.order, given, strict=False))
        values |= {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        parts = {PART_NAMES[key]: value for key, value in values.items() if key in PART_NAMES}
        return _shown(name, form, parts)
    return None


def _range_instead(name: str) -> str:
    example = _flow({name: {"type": "float", "low": 0.0001, "high": 0.1, "log": True}})
    return f"here values come from a range or from a list, as {example}"


def _shown(name: str, form: _Form, parts: Mapping[str, Any]) -> str | None:
    """Return a distribution as it is written here; without its values where these are refused."""
    for left_out in ("", "step"):  # one that does not divide the range is of no use here
        with suppress(ValidationError, ValueError, TypeError, LookupError, OverflowError):
            spec = _spec(form, {k: v for k, v in parts.items() if k != left_out})
            SPEC_ADAPTER.validate_python(spec)
            if len(line := _flow({name: spec})) <= 300:
                lost = parts.get("step") not in (None, 1) and "step" not in spec
                return f"here it is {line}" + (f"{_STEPLESS}{_why_stepless(spec)}" if lost else "")
    if form.type == "categorical":
        return f"here it is {_flow(name)}: {{type: categorical, choices: [...]}}"
    log = ", log: true" if form.log else ""
    return f"here it is {_flow(name)}: {{type: {form.type}, low: ..., high: ...{log}}}"


def _why_stepless(spec: Mapping[str, Any]) -> str:
    return "a logarithmic range has none" if spec.get("log") else "it does not divide the range"


def _spec(form: _Form, parts: Mapping[str, Any]) -> dict[str, Any]:
    if form.type == "categorical":
        return {"type": "categorical", "choices": list(parts["choices"])}
    kind: Any = float if form.type == "float" else int
    low, high = parts.get("low"), parts.get("high")
    if low is None or high is None or isinstance(low, bool) or isinstance(high, bool):
        raise ValueError("an end is missing")
    if form.exponents:
        low, high = (float(f"{math.exp(end):.6g}") for end in (low, high))
    log = form.log or parts.get("log") is True
    spec = {"type": form.type, "low": kind(low), "high": kind(high) - form.exclusive}
    step = parts.get("step")
    if log:
        return spec | {"log": True}  # without a step, which a logarithm does not have here
    return spec if (step in (None, 1) and kind is int) or step is None else spec | {"step": step}


def _flow(value: Any) -> str:
    """Return a value as YAML on one line, a mapping without its own braces."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)
    line = text.removesuffix("\n...\n").strip()
    return line[1:-1] if isinstance(value, dict) else line
