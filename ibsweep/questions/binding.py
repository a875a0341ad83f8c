"""A question bound to its code and data: both loaded, and everything that is wrong found at once.

Reading a question runs no code of the user's; this does. What results and later commands need to
know of code and data goes into the manifest from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibsweep.data import DataSchema, Dataset, open_dataset
from ibsweep.data.faults import DataError
from ibsweep.errors import Fault, InputError, format_value
from ibsweep.metrics import METRICS
from ibsweep.metrics.own import figure_functions
from ibsweep.models import MODELS
from ibsweep.questions.arm_binding import bind_function, bind_model
from ibsweep.questions.arm_fitting import fits_examples
from ibsweep.questions.completion import EFFICIENCY
from ibsweep.questions.files import Found
from ibsweep.questions.old_form import place_in_file
from ibsweep.questions.schema import Arm, Objective, Question
from ibsweep.questions.training_notes import batch_faults, examples_of
from ibsweep.questions.yaml_file import read_yaml
from ibsweep.user_code import code_files, is_reference

__all__ = ["Bound", "bind", "check_fit"]


@dataclass(frozen=True)
class Bound:
    """A question whose code and data are there and fit together.

    Attributes:
        question: The question, with all sizes that follow from the data.
        file: Its file, None for one that comes with ibsweep.
        dataset: Its data.
        code: The sha256 of the user's own code, by path within the folder or by module.
        models: By arm, what a manifest keeps of a model of the user's own; None for others.
    """

    question: Question
    file: Path | None
    dataset: Dataset
    code: Mapping[str, str]
    models: Mapping[str, Mapping[str, Any] | None]

    @property
    def folder(self) -> Path | None:
        """The folder of its file, where code and data of the user's own lie."""
        return None if self.file is None else self.file.parent

    @property
    def data(self) -> DataSchema:
        """What the data are."""
        return self.dataset.schema


def bind(found: Sequence[Found]) -> Bound:
    """Load the code and data of arms of one question.

    Args:
        found: The arms, all of one question and file.

    Raises:
        InputError: With a line for everything that is wrong, each with its place in the file.
    """
    question, folder = found[0].question, found[0].folder
    faults: list[Fault] = []
    dataset = _dataset(question, folder, faults)
    models: dict[str, Mapping[str, Any] | None] = {}
    if dataset is not None:
        faults += _metric_faults(question, dataset, folder)
        question, wrong = _with_sizes(question, dataset.schema, [one.arm.name for one in found])
        faults += wrong
    for arm in (question.arms[one.arm.name] for one in found):
        path = ("arms", arm.name)
        if arm.train is not None:
            faults += bind_function(arm, folder, path)
        elif is_reference(arm.model):
            models[arm.name], wrong = bind_model(arm, dataset, folder, path)
            faults += wrong
            least = (models[arm.name] or {}).get("least_batch", 1)
            if dataset is not None and least > 1:
                examples = examples_of(dataset.schema, min(arm.sizes)) or None
                faults += batch_faults(arm, least, examples, path)
        elif dataset is not None:
            faults += fits_examples(arm, dataset.example_shape, path).faults
        if dataset is not None and arm.train_size and not faults:
            faults += _draw_faults(dataset, arm, path)
    if faults:
        raise InputError("\n".join(_lines(faults, found[0])))
    assert dataset is not None, "or there is a fault"
    used = [name for one in found for name in one.arm.references]
    source = str(question.data["from"])
    used += [source] if source.partition(":")[0].endswith(".py") else []
    used += [m.reference for m in (*question.objectives, *question.metrics) if m.reference]
    return Bound(
        question=question,
        file=None if found[0].file is None else found[0].file.absolute(),
        dataset=dataset,
        # A module that is imported by its name is hashed where it lies in the folder.
        code=code_files(dict.fromkeys(used), folder) if used or is_reference(source) else {},
        models={one.arm.name: models.get(one.arm.name) for one in found},
    )


def check_fit(found: Found) -> DataSchema | None:
    """Refuse values that never work with the examples, where these are known without loading them.

    Args:
        found: An arm.

    Returns:
        What the data are; None where only loading them could tell.

    Raises:
        InputError: With a line for each value that never works.
    """
    arm = found.arm
    if found.question.data["from"] != "edges":
        return None
    schema = open_dataset(found.question.data).schema
    if arm.model in MODELS:
        faults = fits_examples(arm, schema.example_shape, ("arms", arm.name)).faults
        if faults:
            raise InputError("\n".join(_lines(faults, found)))
    return schema


def _lines(faults: Sequence[Fault], found: Found) -> Iterator[str]:
    written = {} if found.file is None else read_yaml(found.file)
    for fault in dict.fromkeys(faults):
        place = Fault(place_in_file(written, fault.path), fault.text)
        yield str(place) if found.file is None else f"{found.file}: {place}"


def _dataset(question: Question, folder: Path | None, faults: list[Fault]) -> Dataset | None:
    try:
        return open_dataset(question.data, folder)
    except DataError as error:
        faults += [Fault(("data", *fault.path), fault.text) for fault in error.faults]
    except InputError as error:
        faults += [Fault(("data", "from"), line) for line in str(error).splitlines()]
    return None


def _metric_faults(question: Question, dataset: Dataset, folder: Path | None) -> Iterator[Fault]:
    classes = dataset.classes is not None
    metrics: list[tuple[tuple[str | int, ...], Objective]] = [(("objective",), question.objective)]
    metrics += [
        (("further_objectives", i), one) for i, one in enumerate(question.further_objectives)
    ]
    metrics += [(("metrics", i), metric) for i, metric in enumerate(question.metrics)]
    for place, metric in metrics:
        known = METRICS.get(metric.metric) if metric.reference is None else None
        kind = "classes" if classes else "number"
        if known is not None and known.target not in (kind, "any"):
            what = f"{len(dataset.classes)} classes" if dataset.classes else "numbers"
            fitting = [
                name
                for name, one in METRICS.items()
                if one.target == kind or (one.target == "any" and place[0] != "objective")
            ]
            text = f"must fit a target of {what}, but got {metric.metric}"
            yield Fault(place, f"{text}; {', '.join(sorted(fitting))} do")
            continue
        try:
            figure_functions([metric.key], classes=classes, folder=folder)
        except InputError as error:
            yield from (Fault(place, line) for line in str(error).splitlines())


def _with_sizes(
    question: Question, schema: DataSchema, arms: Sequence[str]
) -> tuple[Question, list[Fault]]:
    """Return the question with the sizes that follow from the data, and what is wrong in them."""
    faults = []
    bound: dict[str, Arm] = {}
    for name, arm in question.arms.items():
        size = arm.train_size
        if not size and len(schema.train_sizes) == 1:
            size = schema.train_sizes[0]
        if name in arms and not {size, *arm.sizes} - {0} <= {*schema.train_sizes}:
            text = f"must be one of the split's {list(schema.train_sizes)}, but got {size or None}"
            faults.append(Fault(("arms", name, "train_size"), text))
        bound[name] = arm.model_copy(update={"train_size": size})
    sizes = question.efficiency or _efficiency(schema)
    if schema.largest is not None and max(sizes, default=0) > schema.largest:
        text = f"must be at most {schema.largest}, all that there are, but got {max(sizes)}"
        faults.append(Fault(("efficiency",), text))
    known = {*sizes, *(arm.train_size for arm in bound.values())}
    for i, claim in enumerate(question.claims):
        for j, test in enumerate(claim.tests):
            size = getattr(test, "train_size", None) or 0
            if size and size not in known:
                text = f"must be one of `efficiency`, {format_value(list(sizes))}, but got {size}"
                faults.append(Fault(("claims", i, "tests", j, "train_size"), text))
    return question.model_copy(update={"arms": bound, "efficiency": sizes}), faults


def _efficiency(schema: DataSchema) -> tuple[int, ...]:
    """Return the sizes to compare best configurations at, where a file gives none."""
    if schema.largest is None:
        return tuple(EFFICIENCY)
    if schema.per == "class":
        sizes = {size for size in EFFICIENCY if size <= schema.largest}
    else:
        sizes = {schema.largest // part for part in (8, 4, 2, 1)} - {0}
    return tuple(sorted(sizes | {size for size in schema.train_sizes if size <= schema.largest}))


def _draw_faults(dataset: Dataset, arm: Arm, path: tuple[str, ...]) -> Iterator[Fault]:
    if dataset.schema.rows is None:
        return  # a generator has as many as are asked for
    yield from _caught(
        lambda: dataset.replicate(seed=0, train_size=arm.train_size), (*path, "train_size")
    )


def _caught(call: Callable[[], object], path: tuple[str, ...]) -> Iterator[Fault]:
    try:
        call()
    except InputError as error:
        yield from (Fault(path, line) for line in str(error).splitlines())
