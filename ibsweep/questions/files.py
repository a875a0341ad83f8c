"""Question files: reading one, those that are shipped, and what a target stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ibsweep.errors import Fault, IbsweepError, InputError, suggestion
from ibsweep.questions.completion import completed
from ibsweep.questions.faults import inconsistencies
from ibsweep.questions.old_form import place_in_file, present_form
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.structure import structural_faults
from ibsweep.questions.yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "find_arms",
    "load_all",
    "load_file",
    "names_question_file",
    "question_file",
    "question_from_manifest",
    "search_spaces_dir",
]


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
        faults = structural_faults(error)
    # Where a part is malformed, pydantic does not come to compare the parts.
    reported = {fault.path for fault in faults}
    whole = completed(present_form(data))
    faults += [fault for fault in inconsistencies(whole) if fault.path not in reported]
    placed = (Fault(place_in_file(data, fault.path), fault.text) for fault in faults)
    raise InputError("\n".join(f"{path}: {fault}" for fault in placed))


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


def find_arms(target: str) -> list[tuple[Question, Arm]]:
    """Return the arms that a name or a file on the command line stands for.

    Args:
        target: An arm, a question, ``all``, or a path to a question file of the user's own, or
            that and an arm of it: ``FILE:ARM``. A shipped name goes before a file of that name
            without a suffix.

    Raises:
        InputError: If it is none of these, or the file is wrong.
    """
    if not names_question_file(target):
        pairs = [(q, arm) for q in load_all().values() for arm in q.arms.values()]
        found = [(q, arm) for q, arm in pairs if target in ("all", q.question, arm.name)]
        if found:
            return found
        names = {"all", *(q.question for q, _ in pairs), *(arm.name for _, arm in pairs)}
        raise InputError(f"{target!r} is no arm, question or file; {suggestion(target, names)}")
    file, _, name = target.rpartition(":") if _names_arm_of_file(target) else (target, "", "")
    question = load_file(file)
    if name and name not in question.arms:
        raise InputError(f"{file} has no arm {name!r}; {suggestion(name, question.arms)}")
    return [(question, arm) for arm in question.arms.values() if name in ("", arm.name)]


def question_file(target: str) -> str | None:
    """Return the question file of a target of the command line; None for a shipped name."""
    if not names_question_file(target):
        return None
    return target.rpartition(":")[0] if _names_arm_of_file(target) else target


def _names_arm_of_file(target: str) -> bool:
    file, colon, arm = target.rpartition(":")
    return bool(colon) and file.endswith((".yaml", ".yml")) and not set(arm) & set("/\\")


def names_question_file(target: str) -> bool:
    """Say whether a target of the command line stands for a file and not for a shipped name."""
    named = target.endswith((".yaml", ".yml")) or _names_arm_of_file(target)
    if named or "/" in target or os.sep in target:
        return True
    if not Path(target).is_file():
        return False
    questions = load_all()
    return target not in {"all", *questions, *(arm for q in questions.values() for arm in q.arms)}
