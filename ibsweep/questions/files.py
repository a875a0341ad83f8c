"""Question files: reading one, those that are shipped, and what a target stands for."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from ibsweep.errors import Fault, IbsweepError, InputError, fault_lines, format_value, suggestion
from ibsweep.paths import is_there, operand
from ibsweep.questions.completion import completed
from ibsweep.questions.faults import inconsistencies
from ibsweep.questions.old_form import place_in_file, present_form
from ibsweep.questions.repeated import repeated_faults
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.structure import structural_faults
from ibsweep.questions.yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Found",
    "file_of",
    "find_arms",
    "load_all",
    "load_file",
    "question_from_manifest",
    "search_spaces_dir",
]


_ARM = re.compile("[a-z0-9_]+")


def load_file(path: str | os.PathLike[str]) -> Question:
    """Read a question from a file.

    Args:
        path: A YAML file as in ``search_spaces/``.

    Raises:
        InputError: If the file cannot be read, or with one line for everything wrong in it.
    """
    data = read_yaml(path)
    whole = completed(present_form(data))
    faults: list[Fault] = []
    try:
        question = Question.model_validate(data)
    except ValidationError as error:
        faults += structural_faults(error)
        # Where a part is malformed, pydantic does not come to compare the parts.
        reported = {fault.path for fault in faults}
        faults += [fault for fault in inconsistencies(whole) if fault.path not in reported]
    reported = {fault.path for fault in faults}
    faults += [fault for fault in repeated_faults(whole) if fault.path not in reported]
    if not faults:
        return question
    placed = (Fault(place_in_file(data, fault.path), fault.text) for fault in faults)
    raise InputError(fault_lines(list(placed), path))


def question_from_manifest(document: Mapping[str, Any], where: Path) -> Question:
    """Return the question that a sweep's manifest holds.

    Args:
        document: What ``model_dump`` returned when the sweep was made.
        where: The manifest, for the message.

    Raises:
        InputError: If it is no question any more.
    """
    try:
        return Question.model_validate(document)
    except ValidationError as error:
        fault = structural_faults(error)[0]
        raise InputError(f"{where}: its question is damaged: {fault}") from None


def search_spaces_dir() -> Path:
    """Return the folder of the question files that come with ibsweep.

    Raises:
        IbsweepError: If the installation lacks it.
    """
    package = Path(__file__).parent.parent
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


class Found(NamedTuple):
    """An arm that a word of the command line stands for.

    Attributes:
        question: Its question.
        arm: The arm.
        file: The file of the user's own that it is from; None for a shipped one.
    """

    question: Question
    arm: Arm
    file: Path | None

    @property
    def folder(self) -> Path | None:
        """The folder of the file, where its code and data lie."""
        return None if self.file is None else self.file.absolute().parent

    @property
    def target(self) -> str:
        """What stands for it on a command line."""
        if self.file is None:
            return self.arm.name
        return f"{operand(self.file)}:{self.arm.name}"

    @property
    def sweep_name(self) -> str:
        """What the name of a sweep of it begins with: the names of shipped arms are unique."""
        question, arm = self.question.question, self.arm.name
        return arm if self.file is None or arm.startswith(question) else f"{question}-{arm}"


def find_arms(target: str) -> list[Found]:
    """Return the arms that a name or a file on the command line stands for.

    Args:
        target: An arm, a question, ``all``, a path to a question file of the user's own, or
            ``FILE:ARM``. A shipped name goes before a file of that name without a suffix.

    Raises:
        InputError: If it is none of these, or the file is wrong.
    """
    file, wanted = file_of(target)
    if file is None:
        pairs = [(q, arm) for q in load_all().values() for arm in q.arms.values()]
        found = [Found(q, a, None) for q, a in pairs if target in ("all", q.question, a.name)]
        if found:
            return found
        names = {"all", *(q.question for q, _ in pairs), *(arm.name for _, arm in pairs)}
        given = format_value(target)
        raise InputError(f"{given} is no arm, question or file; {suggestion(target, names)}")
    question = load_file(file)
    if wanted is not None and wanted not in question.arms:
        hint = suggestion(wanted, question.arms)
        raise InputError(f"{file} has no arm {format_value(wanted)}; {hint}")
    arms = [arm for arm in question.arms.values() if wanted in (None, arm.name)]
    return [Found(question, arm, file) for arm in arms]


def file_of(target: str) -> tuple[Path | None, str | None]:
    """Return the question file that a word of the command line names, and the arm in it.

    Args:
        target: The word.

    Returns:
        None for a shipped name; no arm where the whole file is meant.
    """
    file, colon, arm = target.rpartition(":")
    if colon and _ARM.fullmatch(arm) and not is_there(target) and _names_file(file):
        return Path(file), arm
    return (Path(target), None) if _names_file(target) else (None, None)


def _names_file(target: str) -> bool:
    if target.endswith((".yaml", ".yml")) or "/" in target or os.sep in target:
        return True
    if not is_there(target) or not Path(target).is_file():
        return False
    questions = load_all()
    return target not in {"all", *questions, *(arm for q in questions.values() for arm in q.arms)}
