"""The questions: a file parsed and validated into its task, objective, arms and claims.

A file is read whole before anything runs, and everything that is wrong in it is reported at once.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from ibsweep.errors import IbsweepError, InputError, suggestion
from ibsweep.hyperparameters import (
    MODEL_OPTIONS,
    TRAINING_KEYS,
    Fault,
    name_faults,
    setting_faults,
    shown,
)
from ibsweep.search_space import (
    SPEC,
    SPECS,
    Scalar,
    Spec,
    config_faults,
    fault_error,
    space_faults,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from pydantic_core import ErrorDetails

    from ibsweep.data import Task

__all__ = [
    "Arm",
    "Claim",
    "Figure",
    "Objective",
    "Question",
    "Scored",
    "check_task",
    "find",
    "load_all",
    "load_file",
    "read_yaml",
    "search_spaces_dir",
]

_MAX_BYTES = 1_000_000
_MAX_NODES = 100_000

_Name = Annotated[str, Field(pattern="^[a-z0-9_]+$")]
_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(strict=True, gt=0)]


class Scored(Protocol):
    """A result to compare with others; without figures where it failed."""

    @property
    def valid_accuracy(self) -> float | None:
        """Accuracy on validation images, percent."""

    @property
    def valid_loss(self) -> float | None:
        """Cross-entropy on validation images."""


class _Record(BaseModel):
    # The descriptions of the fields end the message "is missing; give ...".
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figure(_Record):
    """A figure that the notebook published for an arm."""

    images: _Count = Field(description="the training images per class")
    valid_accuracy: float = Field(
        ge=0, le=100, strict=True, description="the final validation accuracy in percent"
    )


class Objective(_Record):
    """What a sweep optimises, and which way; whoever compares results asks here."""

    metric: Literal["valid_accuracy"] = Field(description="valid_accuracy")
    direction: Literal["maximize"] = Field(description="maximize")

    @property
    def mode(self) -> Literal["max"]:
        """The direction as Ray Tune writes it."""
        return "max"

    def rank(self, row: Scored) -> tuple[float, float]:
        """Return the key that sorts results, best first; ties go to the lower validation loss."""
        accuracy, loss = row.valid_accuracy, row.valid_loss
        if accuracy is None or loss is None:
            return (math.inf, math.inf)
        # A loss that is not a number must neither win a tie nor break the order.
        return (-accuracy, math.inf if math.isnan(loss) else loss)


class Arm(_Record):
    """One model family and its search space; its name is its key among the question's arms."""

    name: str
    title: _Text = Field(description="a short title")
    model: str = Field(description=f"one of {', '.join(MODEL_OPTIONS)}")
    images: _Count = Field(description="the images per class that the sweep trains on")
    fixed: dict[str, Scalar] = Field(default={}, description="the settings that are not tuned")
    space: dict[str, Spec] = Field(min_length=1, description="the distributions to tune over")
    baseline: dict[str, Scalar] = Field(description="the notebook's own values of the space")
    notebook: tuple[Figure, ...] = Field(description="the notebook's figures, or []")


class Claim(_Record):
    """A statement to test; the first of two arms is the one said to do better."""

    id: _Name = Field(description="an id in small letters, digits and underscores")
    text: _Text = Field(description="the statement")
    arms: tuple[str, ...] = Field(min_length=1, description="the names of the arms it speaks of")


class Question(_Record):
    """A hypothesis, its task, the arms compared under it and the claims to test.

    ``Question.model_validate(question.model_dump(mode="json"))`` is the question again.
    """

    question: _Name = Field(description="the question's name, such as q7")
    title: _Text = Field(description="a short title")
    text: _Text = Field(description="what is asked")
    task: dict[str, JsonValue] = Field(description="the task's options")
    objective: Objective = Field(description="metric and direction")
    arms: dict[_Name, Arm] = Field(min_length=1, description="the arms by name")
    claims: tuple[Claim, ...] = Field(default=(), description="the claims to test")

    @model_validator(mode="before")
    @classmethod
    def _name_arms(cls, data: Any) -> Any:
        arms = data.get("arms") if isinstance(data, dict) else None
        if not isinstance(arms, dict):
            return data
        named = {k: {"name": k, **v} if isinstance(v, dict) else v for k, v in arms.items()}
        return {**data, "arms": named}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = list(_inconsistencies(self.model_dump()))
        if faults:
            raise fault_error(type(self).__name__, faults)
        return self


def _mapping(data: object) -> dict[str, Any]:
    """Return what a mapping holds under textual keys, nothing for anything else."""
    return {k: v for k, v in data.items() if isinstance(k, str)} if isinstance(data, dict) else {}


def _list(data: object) -> list[Any]:
    return list(data) if isinstance(data, list | tuple) else []


def _inconsistencies(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what is wrong between the parts of a question.

    Args:
        data: The question as plain data. Parts that are malformed are passed over, so that a file
            with faults of both kinds shows them all at once.
    """
    task = data.get("task")
    sizes = _mapping(task).get("train_images")
    if not isinstance(task, dict):
        sizes = None
    elif not isinstance(sizes, list) or not sizes or not all(_is_count(size) for size in sizes):
        text = "must list the images per class of each training set, such as [10, 30], but got "
        yield Fault(("task", "train_images"), text + shown(sizes))
        sizes = None
    elif len(set(sizes)) < len(sizes):
        yield Fault(("task", "train_images"), f"must differ, but got {shown(sizes)}")
    arms = _mapping(data.get("arms"))
    for name, arm in arms.items():
        yield from _arm_faults(("arms", name), _mapping(arm), sizes)
    seen: list[object] = []
    for i, claim in enumerate(map(_mapping, _list(data.get("claims")))):
        for j, name in enumerate(_list(claim.get("arms"))):
            if arms and name not in list(arms):  # a list: the name may be unhashable
                text = f"must name an arm, but got {shown(name)}; {suggestion(str(name), arms)}"
                yield Fault(("claims", i, "arms", j), text)
        if "id" in claim and claim["id"] in seen:
            text = f"must be used once, but got {shown(claim['id'])} again; choose another"
            yield Fault(("claims", i, "id"), text)
        seen.append(claim.get("id"))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _arm_faults(
    path: tuple[str, ...], arm: Mapping[str, Any], sizes: list[int] | None
) -> Iterator[Fault]:
    if arm.get("name", path[-1]) != path[-1]:
        text = f"must be the arm's key, {path[-1]!r}, or left out, but got {shown(arm['name'])}"
        yield Fault((*path, "name"), text)
    figures = enumerate(map(_mapping, _list(arm.get("notebook"))))
    trained = [((), arm), *((("notebook", i), figure) for i, figure in figures)]
    for place, holder in trained:
        images = holder.get("images")
        if sizes is not None and _is_count(images) and images not in sizes:
            text = f"must be one of the task's train_images {sizes}, but got {images}"
            yield Fault((*path, *place, "images"), text)
    model = arm.get("model")
    if not isinstance(model, str):
        return
    if model not in MODEL_OPTIONS:
        text = f"must be a model, but got {model!r}; {suggestion(model, MODEL_OPTIONS)}"
        yield Fault((*path, "model"), text)
        return
    fixed, space, baseline = (_mapping(arm.get(key)) for key in ("fixed", "space", "baseline"))
    specs = {name: spec for name, spec in map(_parsed, space.items()) if spec is not None}
    yield from setting_faults(model, fixed, (*path, "fixed"))
    yield from name_faults(model, space, (*path, "space"))
    yield from space_faults(model, specs, (*path, "space"))
    for name in fixed:
        if name in space:
            text = "stands in both `fixed` and `space`; leave one out"
            yield Fault((*path, "fixed", name), text)
    if not space:
        return
    for name, parameter in TRAINING_KEYS.items():
        if parameter.default is None and name not in (*fixed, *space):
            text = f"needs `{name}`, which has no default; put it into `space` or `fixed`"
            yield Fault(path, text)
    if isinstance(arm.get("baseline"), dict):
        broken = {name for name in space if name not in specs}
        given = {name: value for name, value in baseline.items() if name not in broken}
        yield from config_faults(specs, given, (*path, "baseline"))


def _parsed(item: tuple[str, Any]) -> tuple[str, Spec | None]:
    name, data = item
    try:
        return name, SPEC.validate_python(data)
    except ValidationError:
        return name, None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which reads 1e-4 as a number and refuses a key that stands twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                name = (key.tag, key.value)
                if name in lines:
                    problem = f"the key {key.value!r} stands twice, first on line {lines[name]}"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                lines[name] = key.start_mark.line + 1
        return node


# YAML 1.1 wants a dot and a sign in such a number, so PyYAML makes a text of 1e-4.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Count the nodes below one with its aliases written out; one inside itself is endless."""
    if id(node) not in sizes:
        sizes[id(node)] = _MAX_NODES  # what an alias to a node still being counted comes upon
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        sizes[id(node)] = 1 + sum(_size(child, sizes) for child in children)
    return sizes[id(node)]


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Args:
        path: The file, in UTF-8.

    Raises:
        InputError: If there is no such regular file, it cannot be read, is larger than a megabyte,
            is not UTF-8 or not YAML, repeats a key, or holds something else.
    """
    file = Path(path)
    try:
        if file.exists() and not file.is_file():  # reading a pipe or device might never end
            raise InputError(f"{path}: is not a regular file")
        content = file.read_bytes() if file.stat().st_size <= _MAX_BYTES else None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if content is None:
        raise InputError(f"{path}: is larger than {_MAX_BYTES:,} bytes, too large for settings")
    try:
        loader = _Loader(content.decode("utf-8-sig"))
        node = loader.get_single_node()
        if node is not None and _size(node, {}) >= _MAX_NODES:
            raise InputError(f"{path}: its aliases have no end or write out to too much")
        data = None if node is None else loader.construct_document(node)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line}: is not UTF-8; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = "; ".join(filter(None, (error.problem, error.context)))
        raise InputError(f"{path}: {where}{what}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as a 13th month
        raise InputError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply") from None
    if data is None:
        raise InputError(f"{path}: is empty")
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a mapping of keys to values, but got {shown(data)}")
    return data


def _model_at(place: tuple[str | int, ...]) -> type[BaseModel] | None:
    match place:
        case ():
            return Question
        case ("objective",):
            return Objective
        case ("arms", _):
            return Arm
        case ("arms", _, "notebook", _):
            return Figure
        case ("arms", _, "space", _, str(kind)):
            return SPECS.get(kind)
        case ("claims", _):
            return Claim
    return None


_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "finite_number": "must be finite",
    "float_type": "must be a number",
    "int_type": "must be an integer",
    "invalid-json-value": "must be plain data",
    "invalid_key": "must be a text as a key",
    "model_attributes_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "string_pattern_mismatch": "must be made of small letters, digits and underscores",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}


def _fault(error: ErrorDetails) -> Fault:
    """Put one of pydantic's errors into the words of a question file."""
    loc, kind, value = error["loc"], error["type"], shown(error["input"])
    fields = getattr(_model_at(loc[:-1]), "model_fields", {})
    match kind:
        case "fault":
            text = error["msg"]
        case "missing":
            text = f"is missing; give {fields[loc[-1]].description}"
        case "extra_forbidden":
            hint = suggestion(str(loc[-1]), fields.keys() - {"name"})
            text = f"is not a key here, but got {value}; {hint}"
        case "union_tag_not_found":
            text = f"`type` is missing; give {', '.join(SPECS)}"
        case "union_tag_invalid":
            tag = str(error["ctx"]["tag"])
            text = f"`type` must be a distribution, but got {tag!r}; {suggestion(tag, SPECS)}"
        case "value_error":
            text = str(error["ctx"]["error"])
        case _:
            words = _WORDS.get(kind, error["msg"].replace("Input should", "must"))
            text = f"{words}, but got {value}"
    if loc[:1] == ("arms",) and loc[2:3] == ("space",) and loc[4:] and loc[4] in SPECS:
        loc = (*loc[:4], *loc[5:])  # pydantic names the kind of distribution in between
    elif loc[:1] == ("task",):
        loc = loc[:2]  # below, pydantic's names of JSON types stand between the keys
    return Fault(tuple(part for part in loc if part != "[key]"), text)


def load_file(path: str | os.PathLike[str]) -> Question:
    """Read a question from a file.

    Args:
        path: A YAML file as in ``search_spaces/``.

    Raises:
        InputError: If the file cannot be read, or with one line for everything wrong in it.
    """
    data = read_yaml(path)
    try:
        return Question.model_validate(data)
    except ValidationError as error:
        faults = [_fault(details) for details in error.errors()]
    # Where a part is malformed, pydantic does not come to compare the parts.
    lines = dict.fromkeys(f"{path}: {fault}" for fault in [*faults, *_inconsistencies(data)])
    raise InputError("\n".join(lines))


def check_task(question: Question) -> Task:
    """Return the task of a question, its image options checked.

    Loading a question leaves the options unchecked, because what knows them imports torch.

    Raises:
        InputError: If an option is unknown or out of range.
    """
    from ibsweep.data import Task

    try:
        return Task.from_dict(question.task)
    except InputError as error:
        raise InputError(f"{question.question}: task: {error}") from None


def search_spaces_dir() -> Path:
    """Return the folder of the question files that come with ibsweep.

    Raises:
        IbsweepError: If the installation lacks it.
    """
    package = Path(__file__).parent
    # Inside the package where a wheel was installed, beside it in a source tree.
    for folder in (package / "search_spaces", package.parent / "search_spaces"):
        if folder.is_dir():
            return folder
    raise IbsweepError(f"ibsweep's question files are missing from {package}; install it again")


def load_all() -> dict[str, Question]:
    """Return the questions that come with ibsweep, by name, sorted.

    Raises:
        InputError: If a file is wrong, or two give the same name to a question or an arm.
    """
    questions: dict[str, Question] = {}
    owners: dict[str, Path] = {}
    for path in sorted(search_spaces_dir().glob("*.yaml")):
        question = load_file(path)
        for name in (question.question, *question.arms):
            if name in owners:
                raise InputError(f"{path}: {name!r} is already the name of one in {owners[name]}")
            owners[name] = path
        questions[question.question] = question
    return dict(sorted(questions.items()))


def find(target: str) -> list[tuple[Question, Arm]]:
    """Return the arms that a name or a file on the command line stands for.

    Args:
        target: An arm, a question, ``all``, or a path to a question file of the user's own. A
            shipped name goes before a file of that name without a suffix.

    Raises:
        InputError: If it is none of these, or the file is wrong.
    """
    if not (target.endswith((".yaml", ".yml")) or "/" in target or os.sep in target):
        pairs = [(q, arm) for q in load_all().values() for arm in q.arms.values()]
        found = [(q, arm) for q, arm in pairs if target in ("all", q.question, arm.name)]
        if found:
            return found
        if not Path(target).is_file():
            names = {"all", *(q.question for q, _ in pairs), *(arm.name for _, arm in pairs)}
            raise InputError(
                f"{target!r} is no arm, question or file; {suggestion(target, names)}"
            )
    question = load_file(target)
    return [(question, arm) for arm in question.arms.values()]
