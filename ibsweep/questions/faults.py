"""What can be wrong between the parts of a question, each of which is well formed.

A file's malformed parts are reported from pydantic's errors (``structure``). They are passed over
here, where a place may hold anything, so that both kinds of faults are reported at once. What only
the question's code and data can tell is found in ``binding``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.data import data_faults
from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.metrics import METRICS
from ibsweep.questions.arm_faults import arm_faults, as_list, as_mapping, is_count, value_faults
from ibsweep.questions.completion import train_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["inconsistencies"]


def inconsistencies(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what is wrong between the parts of a question.

    Args:
        data: The question as plain data, in its present form and completed. Parts that are
            malformed are passed over, so that a file with faults of both kinds shows them all at
            once.
    """
    document = data.get("data")
    sizes: tuple[int, ...] = ()
    if isinstance(document, dict):
        wrong = data_faults(document)
        yield from (Fault(("data", *fault.path), fault.text) for fault in wrong)
        if all(fault.path[:2] not in (("split",), ("split", "train")) for fault in wrong):
            sizes = train_sizes(document)
    yield from _metric_faults(data)
    arms = as_mapping(data.get("arms"))
    taken = {"baseline", *arms}
    for name, arm in arms.items():
        yield from arm_faults(("arms", name), as_mapping(arm), sizes)
        for variant in as_mapping(as_mapping(arm).get("variants")):
            if variant in taken:
                text = "is the name of an arm or of another setting; choose another"
                yield Fault(("arms", name, "variants", variant), text)
            taken.add(variant)
    yield from _cost_faults(data, arms)
    rising = as_list(data.get("efficiency"))
    if all(map(is_count, rising)) and rising != sorted(set(rising)):
        text = f"must rise, such as [10, 30, 100], but got {format_value(rising)}"
        yield Fault(("efficiency",), text)
    seen: list[object] = []
    for i, claim in enumerate(map(as_mapping, as_list(data.get("claims")))):
        for j, test in enumerate(map(as_mapping, as_list(claim.get("tests")))):
            yield from _test_faults(("claims", i, "tests", j), test, arms, rising)
        if "id" in claim and claim["id"] in seen:
            text = f"must be used once, but got {format_value(claim['id'])} again; choose another"
            yield Fault(("claims", i, "id"), text)
        seen.append(claim.get("id"))


def _cost_faults(data: Mapping[str, Any], arms: Mapping[str, Any]) -> Iterator[Fault]:
    """Find costs where there is nothing to weigh them against, or nothing that measures them."""
    objective = _cost(data.get("objective"))
    if objective:
        good = ", ".join(name for name, one in METRICS.items() if not one.cost)
        text = (
            f"must say how good a model is, but got {objective}: the cheapest learns nothing; "
            f"choose one of {good}, and put {objective} after it in `objectives`, or under "
            "`metrics`"
        )
        yield Fault(("objective",), text)
    functions = [name for name, arm in arms.items() if as_mapping(arm).get("train")]
    others = [(key, i, one) for key in _LISTS for i, one in enumerate(as_list(data.get(key)))]
    for key, i, metric in others:
        if (cost := _cost(metric)) and functions:
            text = (
                f"must not name the cost {cost}, which is measured of models, while "
                f"{functions[0]} trains by a function of your own; leave it out"
            )
            yield Fault((key, i), text)


def _cost(metric: Any) -> str | None:
    """Return the name of a cost; None where something else is given."""
    given = metric if isinstance(metric, dict) else {"metric": metric}
    name = given.get("metric")
    if given.get("reference") or not isinstance(name, str):
        return None
    known = METRICS.get(name.removeprefix("valid_"))
    return known.name if known is not None and known.cost else None


def _metric_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find metrics that share a name, which is a column of results."""
    given: list[tuple[tuple[str | int, ...], Any]] = [(("objective",), data.get("objective"))]
    given += [((key, i), one) for key in _LISTS for i, one in enumerate(as_list(data.get(key)))]
    seen: set[str] = set()
    for path, one in given:
        metric = as_mapping(one)
        name = metric.get("metric")
        if not isinstance(name, str):
            continue
        if metric.get("reference") and (name in METRICS or name in _COLUMNS):
            text = f"is called {name}, as something else in results is; rename the function"
            yield Fault(path, text)
        elif name in seen:
            yield Fault(path, f"names {name} again; leave one out")
        seen.add(name)


_LISTS = ("further_objectives", "metrics")
"""Where further metrics stand."""

_COLUMNS = ("loss", "size", "confusion")
"""What stands beside metrics in rows and frames: ``valid_loss``, ``train_size``."""


def _test_faults(
    path: tuple[str | int, ...],
    test: Mapping[str, Any],
    arms: Mapping[str, Any],
    rising: list[Any],
) -> Iterator[Fault]:
    for key, values in (("arm", "where"), ("than", "than_where")):
        name = test.get(key)
        if not isinstance(name, str) or not arms:
            continue  # reported where the structure is checked
        if name not in arms:
            text = f"must name an arm, but got {format_value(name)}; {suggestion(name, arms)}"
            yield Fault((*path, key), text)
            continue
        space = as_mapping(as_mapping(arms[name]).get("space"))
        given = as_mapping(test.get(values))
        yield from value_faults(space, given, (*path, values))
        if test.get("config") == "baseline" and as_mapping(arms[name]).get("baseline") is None:
            yield Fault((*path, "config"), f"needs a baseline, which {name} does not have")
    size = test.get("train_size")
    named = [arms[name] for name in list(arms) if name in (test.get("arm"), test.get("than"))]
    known = [*rising, *(as_mapping(arm).get("train_size") for arm in named)]
    if is_count(size) and rising and size not in known:
        choices = f"`efficiency`, {format_value(rising)}, or the arm's own"
        text = f"must be one of {choices}, but got {format_value(size)}"
        yield Fault((*path, "train_size"), text)
    sides = (test.get("arm"), test.get("than"))
    same_values = as_mapping(test.get("where")) == as_mapping(test.get("than_where"))
    if isinstance(sides[0], str) and sides[0] == sides[1] and same_values:
        yield Fault((*path, "than"), "must differ from `arm`; name another arm or other values")
