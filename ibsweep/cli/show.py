"""``ibsweep show``: what a sweep of an arm would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ibsweep.cli.console import PlainConsole
from ibsweep.cli.questions import figures_in_words, heading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ibsweep.questions.files import Found
    from ibsweep.questions.schema import Arm, Question


def show(
    arm: Annotated[
        str, typer.Argument(metavar="ARM|QUESTION|FILE[:ARM]", help="See `ibsweep questions`.")
    ],
) -> None:
    """Print the search space, data and default budget of an arm.

    Nothing of the user's own is imported or loaded: `tune` does that, and checks it.
    """
    from ibsweep.questions.conditions import is_conditional
    from ibsweep.questions.files import find_arms

    console = PlainConsole()
    meant = find_arms(arm)
    notes = [_notes(one) for one in meant]  # what never works is told before anything is shown
    for (question, found, *_), lines in zip(meant, notes, strict=True):
        console.print(heading(found.name, found.title))
        console.print(_facts(question, found))
        conditional = is_conditional(found.space)
        columns = ["tuned", "distribution"]
        columns += ["where"] * conditional + ["baseline"] * bool(found.baseline)
        space = _table(*columns)
        for name, spec in found.space.items():
            cells = [name, _distribution(spec.model_dump())]
            cells += [_condition(spec.when)] if conditional else []
            cells += [_plain(found.baseline.get(name, "not set"))] if found.baseline else []
            space.add_row(*cells)
        console.print(space)
        for note in lines:
            console.print(note)
        console.print()


def _notes(found: Found) -> list[str]:
    """Return what of the space fails or does nothing, as far as that is known without data.

    Raises:
        InputError: If values of it never work.
    """
    from ibsweep.questions.arm_fitting import space_notes
    from ibsweep.questions.binding import check_fit
    from ibsweep.sweep.pruning import rungs

    stops = rungs(_longest(found.arm))
    return space_notes(found.question, found.arm, check_fit(found), None, stops)


def _longest(arm: Arm) -> int:
    from ibsweep.questions.space import highest

    epochs = arm.space.get("epochs")
    return int(highest(epochs) if epochs else arm.fixed["epochs"])


def _facts(question: Question, arm: Arm) -> Table:
    from ibsweep.analysis.budget import what_shows
    from ibsweep.sweep.options import SweepOptions

    facts = _table()
    facts.add_row("training function" if arm.train else "model", arm.implementation)
    split = question.data["split"]
    assert isinstance(split, dict)
    noun = "images" if question.data["from"] == "edges" else "examples"
    unit = f"{noun} per class" if split.get("per") == "class" else noun
    sizes = f"{', '.join(map(str, arm.sizes))} {unit}"
    facts.add_row("training set", sizes if arm.train_size else "see split")
    document = {key: value for key, value in question.data.items() if key != "split"}
    facts.add_row("data", _pairs(document))
    facts.add_row("split", _pairs(split))
    for one in question.objectives:
        facts.add_row("objective", f"{one.direction} {one.valid}")
    if question.metrics:
        facts.add_row("metrics", ", ".join(one.metric for one in question.metrics))
    if arm.published:
        facts.add_row("published", figures_in_words(arm.published, question))
    for name, variant in arm.variants.items():
        figures = figures_in_words(variant.published, question)
        text = f"{variant.title} ({_pairs(variant.changes)}): {figures}"
        facts.add_row(f"published, {name}", text)
    if arm.fixed:
        facts.add_row("fixed", _pairs(arm.fixed))
    facts.add_row("default budget", _budget(arm))
    if shows := what_shows(question, SweepOptions.confirm_replicates):
        facts.add_row("it shows", shows)
    if question.efficiency:
        facts.add_row("efficiency", f"at {_plain(question.efficiency)} {unit}")
    for claim in question.claims:
        if any(arm.name in (test.arm, getattr(test, "than", None)) for test in claim.tests):
            facts.add_row("claim", claim.text)
    return facts


def _budget(arm: Arm) -> str:
    from ibsweep.sweep.options import SweepOptions
    from ibsweep.sweep.pruning import rungs

    options = SweepOptions()
    stops = rungs(_longest(arm))
    budget = f"{options.trials} trials of {options.replicates} replicates"
    if stops:
        budget += f", compared at epochs {', '.join(map(str, stops))}"
    return (
        f"{budget}; the best of {options.confirm} chosen by {options.choice_replicates} fresh "
        f"replicates and scored by {options.confirm_replicates} others"
    )


def _table(*columns: str) -> Table:
    return Table(
        *columns,
        box=None,
        padding=(0, 2, 0, 0),
        header_style="dim",
        show_header=bool(columns),
    )


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in values.items())


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _condition(when: Mapping[str, Sequence[Any]]) -> str:
    return " and ".join(f"{k} is {' or '.join(map(str, v))}" for k, v in when.items())


def _distribution(spec: dict[str, Any]) -> str:
    if spec["type"] == "categorical":
        return f"one of {_plain(spec['choices'])}"
    text = f"{spec['type']} {spec['low']:g} to {spec['high']:g}"
    if spec["log"]:
        text += ", logarithmic"
    if spec["step"] not in (None, 1):
        text += f", step {spec['step']:g}"
    return text
