"""What can be wrong in one arm: its sizes, its settings and the points of its space."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ibsweep.errors import Fault, format_value, suggestion
from ibsweep.models import MODELS
from ibsweep.models.hyperparameters import Number
from ibsweep.models.settings import TRAINING_KEYS, known_settings, unused_faults
from ibsweep.questions.condition_faults import condition_faults
from ibsweep.questions.conditions import condition_text, requirements, states
from ibsweep.questions.malformed import further_faults
from ibsweep.questions.space import SPEC_ADAPTER, CategoricalSpec, Spec
from ibsweep.questions.space_faults import config_faults, range_in_words, space_faults
from ibsweep.user_code import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ibsweep.models.hyperparameters import Hyperparameter

__all__ = ["arm_faults", "as_list", "as_mapping", "is_count", "settings_faults", "value_faults"]

Path = tuple[str | int, ...]

_TRAIN_SIZE = Number(int, low=1, default=1)
"""The size of the training set, where a space has it. Elsewhere it is the arm's own."""

_FUNCTION_KEYS = {"epochs": TRAINING_KEYS["epochs"]}
"""What is known of a training function before it is called: its rungs are epochs."""


def arm_faults(path: Path, arm: Mapping[str, Any], sizes: Sequence[int]) -> Iterator[Fault]:
    """Find what is wrong in an arm, as far as can be told without its code and data.

    Args:
        path: Where it stands.
        arm: The arm as plain data; malformed parts are passed over.
        sizes: The sizes of training sets, none where they are not known.
    """
    if arm.get("name", path[-1]) != path[-1]:
        name = format_value(arm["name"])
        text = f"must be the arm's key, {format_value(path[-1])}, or left out, but got {name}"
        yield Fault((*path, "name"), text)
    if sizes:
        yield from _size_faults(path, arm, sizes)
    yield from _tuned_size_faults(path, arm, sizes)
    model, train = arm.get("model") or "", arm.get("train")
    if train is not None and model:
        yield Fault(path, "has both `model` and `train`; leave one out")
    elif isinstance(train, str):
        if not is_reference(train):
            text = f"must be such as train.py:train, but got {format_value(train)}"
            yield Fault((*path, "train"), text)
        yield from settings_faults(path, arm, _FUNCTION_KEYS, train, complete=False)
    elif isinstance(model, str) and model in MODELS:
        yield from settings_faults(path, arm, known_settings(model), model)
    elif isinstance(model, str) and is_reference(model):
        yield from settings_faults(path, arm, TRAINING_KEYS, model, complete=False)
    elif isinstance(model, str) and model:
        text = f"must be a model, but got {format_value(model)}; {suggestion(model, MODELS)}"
        yield Fault((*path, "model"), f"{text}; one of your own is written FILE.py:CLASS")
    elif isinstance(model, str) and train is None:
        yield Fault(path, "needs `model`, or `train` with a training function; give one of them")


def settings_faults(
    path: Path,
    arm: Mapping[str, Any],
    known: Mapping[str, Hyperparameter],
    noun: str,
    *,
    complete: bool = True,
) -> Iterator[Fault]:
    """Find what is wrong in the fixed settings, the space and its points.

    Args:
        path: Where the arm stands.
        arm: The arm as plain data.
        known: What can be set.
        noun: The model, by the name that messages call it.
        complete: Whether nothing else can be set.
    """
    fixed, space, baseline = (as_mapping(arm.get(key)) for key in ("fixed", "space", "baseline"))
    specs = _specs(space)
    if "train_size" in fixed:
        text = "is no setting; give the arm `train_size` itself, or put it into `space`"
        yield Fault((*path, "fixed", "train_size"), text)
    known = {**known, "train_size": _TRAIN_SIZE}
    for place, names in (("fixed", fixed), ("space", space)):
        for name in names if complete else ():
            if name not in known:
                text = f"is not a hyperparameter of {noun}; {suggestion(name, known)}"
                yield Fault((*path, place, name), text)
    for name, value in fixed.items():
        if name in known and not known[name].accepts(value):
            text = f"must be {known[name].rule}, but got {format_value(value)}"
            yield Fault((*path, "fixed", name), text)
    yield from space_faults(known, specs, (*path, "space"))
    malformed = {name: data for name, data in space.items() if name not in specs}
    yield from further_faults(known, malformed, (*path, "space"))
    yield from condition_faults(specs, list(space), fixed, known, (*path, "space"))
    for name in fixed:
        if name in space:
            text = "stands in both `fixed` and `space`; leave one out"
            yield Fault((*path, "fixed", name), text)
    if not arm.get("train"):
        yield from _idle_faults(path, fixed, specs)
    if not space:
        return
    for name, parameter in known.items():
        if parameter.required and name not in (*fixed, *space):
            text = f"needs `{name}`, which has no default; put it into `space` or `fixed`"
            yield Fault(path, text)
        elif name in specs and specs[name].when and (parameter.required or name == "train_size"):
            text = f"must be left out: without `{name}`, which has no default, nothing trains"
            yield Fault((*path, "space", name, "when"), text)
    if isinstance(arm.get("baseline"), dict):
        given = {k: v for k, v in baseline.items() if k in specs or k not in space}
        yield from config_faults(specs, given, (*path, "baseline"))
    elif arm.get("variants"):
        yield Fault((*path, "variants"), "need a `baseline`, which they are changes of")
    elif arm.get("published"):
        yield Fault((*path, "published"), "needs a `baseline`, which the figures are of")
    for name, variant in as_mapping(arm.get("variants")).items():
        changes = as_mapping(as_mapping(variant).get("changes"))
        inside = (*path, "variants", name, "changes")
        yield from _change_faults(specs, space, baseline, changes, inside)


def _change_faults(
    specs: Mapping[str, Spec],
    space: Mapping[str, Any],
    baseline: Mapping[str, Any],
    changes: Mapping[str, Any],
    path: Path,
) -> Iterator[Fault]:
    """Find the changes that a space cannot give, and what they leave without a value."""
    yield from value_faults(space, changes, path)
    merged = {**baseline, **changes}
    before, after = states(specs, baseline), states(specs, merged)
    alone = states(specs, changes)  # what contradicts itself is told already
    for name, spec in specs.items():
        if name not in merged and after[name] and before[name] is False:
            text = f"is missing; the changes set it: give {range_in_words(spec)}"
            yield Fault((*path, name), text)
        elif name in changes and after[name] is False and alone[name] is not False:
            text = f"is set only where {condition_text(spec.when)}, which the variant is not"
            yield Fault((*path, name), f"{text}; leave it out")


def _idle_faults(
    path: Path, fixed: Mapping[str, Any], specs: Mapping[str, Spec]
) -> Iterator[Fault]:
    """Find the settings of the training loop that do nothing beside the others."""
    possible: dict[str, Any] = {name: (value,) for name, value in fixed.items()} | {
        name: spec.choices for name, spec in specs.items() if isinstance(spec, CategoricalSpec)
    }
    ranges: dict[str, Any] = dict.fromkeys(specs, ())
    asked = requirements(specs)
    for name in ranges | possible:
        needed = asked.get(name, {})
        if not all(needed.values()):
            continue  # it is never set, as is told
        # of a conditional one, beside those with which it is set
        for fault in unused_faults({**ranges, **possible, **needed}):
            if fault.path == (name,):
                place = "fixed" if name in fixed else "space"
                yield Fault((*path, place, *fault.path), fault.text)


def value_faults(
    space: Mapping[str, Any], given: Mapping[str, Any], path: Path
) -> Iterator[Fault]:
    """Find the values that a space cannot give; none of them has to be there."""
    specs = _specs(space)
    known = {k: v for k, v in given.items() if k in specs or k not in space}
    faults = config_faults(specs, known, path)
    yield from (fault for fault in faults if fault.path[-1] in known)


def _size_faults(path: Path, arm: Mapping[str, Any], sizes: Sequence[int]) -> Iterator[Fault]:
    """Find the sizes, the arm's and its figures', that no training set has."""
    places: list[tuple[Path, Mapping[str, Any]]] = [((), arm)]
    settings: dict[Path, Mapping[str, Any]] = {(): arm}
    for name, variant in as_mapping(arm.get("variants")).items():
        settings["variants", name] = as_mapping(variant)
    for place, setting in settings.items():
        figures = enumerate(map(as_mapping, as_list(setting.get("published"))))
        places += [((*place, "published", i), figure) for i, figure in figures]
    for inside, holder in places:
        size = holder.get("train_size")
        if type(size) is int and size >= 0 and size not in sizes:
            text = f"must be one of the split's {format_value(list(sizes))}"
            place = (*path, *inside, "train_size")
            yield Fault(place, f"{text}, but got {format_value(size)}")


def _tuned_size_faults(
    path: Path, arm: Mapping[str, Any], sizes: Sequence[int]
) -> Iterator[Fault]:
    """Find what is wrong where the size of the training set is tuned."""
    spec = _specs(as_mapping(arm.get("space"))).get("train_size")
    if spec is None:
        return
    place = (*path, "space", "train_size")
    if not isinstance(spec, CategoricalSpec):
        listed = format_value(list(sizes)) if sizes else "[10, 30]"
        text = "must be `{type: categorical, choices: ...}` of the split's sizes, such as "
        yield Fault(place, f"{text}{listed}, but got type {spec.type}")
        return
    wrong = [i for i, size in enumerate(spec.choices) if sizes and size not in sizes]
    for i in wrong:
        text = f"must be one of the split's {format_value(list(sizes))}"
        yield Fault((*place, "choices", i), f"{text}, but got {format_value(spec.choices[i])}")
    largest = max((size for size in spec.choices if is_count(size)), default=None)
    if not wrong and arm.get("train_size") != largest:
        text = f"is tuned in `space`; leave it out, but got {format_value(arm.get('train_size'))}"
        yield Fault((*path, "train_size"), text)


def _specs(space: Mapping[str, Any]) -> dict[str, Spec]:
    """Return the well formed distributions of a space."""
    specs = {}
    for name, data in space.items():
        with suppress(ValidationError):
            specs[name] = SPEC_ADAPTER.validate_python(data)
    return specs


def is_count(value: object) -> bool:
    """Tell whether a value is an integer above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def as_mapping(data: object) -> dict[str, Any]:
    """Return what a mapping holds under textual keys, nothing for anything else."""
    return {k: v for k, v in data.items() if isinstance(k, str)} if isinstance(data, dict) else {}


def as_list(data: object) -> list[Any]:
    """Return a list, nothing for anything else."""
    return list(data) if isinstance(data, list | tuple) else []
