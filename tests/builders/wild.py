"""Question files and command lines as they should not be: strategies for hypothesis."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import Any

import questions
import yaml
from hypothesis import strategies as st

from ibsweep.cli import app

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        10,
        0.1,
        -0.5,
        1e308,
        1e-308,
        5e-324,
        -0.0,
        2**53,
        2**63,
        2**64,
    ),
    *(10**400, float("nan"), float("inf"), -float("inf"), "", " ", "x", "x" * 300, "x" * 20_000),
    *(
        "on",
        "1e-4",
        "0x10",
        "1:30",
        "null",
        "~",
        "yes",
        "1_000",
        "é",
        "\u202e",
        "\x1b[31m",
        "[/red]",
    ),
    *(
        "[bold]",
        "a\nb",
        "../../etc/passwd",
        "{}",
        "%s",
        "edges",
        "uniform",
        "loguniform",
        "choice",
    ),
    *(
        "log_uniform_values",
        "accuracy",
        "loss",
        "epochs",
        "simple_cnn",
        "three_layer_mlp",
        "random",
    ),
    *([], {}, [[]], [None], [1, 2], [10, 10.0, "10", True, None, [1, 2], float("nan")], {"": ""}),
    *({"type": "float", "low": 0, "high": 1}, {"type": "int", "low": 1, "high": 10, "step": 3}),
    *({"values": [1, 2]}, {"distribution": "log_uniform_values", "min": 1, "max": 2}),
    *({1: 2}, {None: 1}, {True: 1}, {(1, 2): 3}, b"bytes", {1, 2}, [0] * 500),
    *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 1, 1)),
)
"""What may stand anywhere in a file."""

KEYS = (
    "low",
    "high",
    "log",
    "step",
    "type",
    "choices",
    "epochs",
    "batch_size",
    "lr",
    "kernel_size",
)
KEYS += (
    "num_filters",
    "values",
    "distribution",
    "train",
    "valid",
    "test",
    "per",
    "fixed",
    "space",
)
KEYS += (
    "baseline",
    "variants",
    "published",
    "claims",
    "metrics",
    "direction",
    "",
    "\x1b[0m",
    "x" * 300,
)

SNIPPETS = (
    *("!!bool abc", "!!int 0x", f"0x{'f' * 6000}", "1" + ":59" * 300, "!!float x", "!!null x"),
    *("!!python/object/apply:os.system [true]", "!!binary '*'", "!!timestamp 2026-13-45"),
    *("!!set {a, b}", "!!omap [a: 1]", "!!merge x", "!!str [1]", "&a [*a]", "*nobody", "<<: 1"),
    *(
        "\t",
        "\x00",
        "\x07",
        "\ufeff",
        "\u2028",
        "? ",
        "- ",
        "--- ",
        "...\n",
        "%YAML 9.9\n",
        "|",
        ">",
    ),
    *("'", '"', "{", "}", "[", "]", ":", ",", "#", "&x ", "@", "`", "[" * 2000, "{a: " * 500),
    *("&a {x: &b [1, 2], y: *b}", "9" * 5000, "1e" + "9" * 400, "." * 400, "0o7", "0b1", "1_0"),
)
"""What may come into a file's text anywhere."""

_texts = st.text(max_size=40)
_scalars = st.one_of(
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
    st.integers(-(10**6), 10**6),
    st.floats(),
    _texts,
)
_values = st.one_of(
    _scalars,
    st.recursive(
        _scalars.filter(lambda v: not isinstance(v, dict | list | set)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS) | _texts, inner)
        ),
        max_leaves=8,
    ),
)


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _places(value, (*path, key))
    elif isinstance(document, list | tuple):
        for at, value in enumerate(document):
            yield from _places(value, (*path, at))


def _change(draw: st.DrawFn, document: dict[str, Any]) -> None:
    """Change one thing in a question."""
    *parents, last = draw(st.sampled_from(list(_places(document)) or [("question",)]))
    place: Any = document
    for key in parents:
        place = place[key]
    kind = draw(st.integers(0, 9))
    if kind <= 4 or last not in (place if isinstance(place, dict) else range(len(place))):
        place[last] = copy.deepcopy(draw(_values))  # it may be changed in its turn
    elif kind == 5:
        del place[last]
    elif kind == 6 and isinstance(place, dict):
        place[draw(st.sampled_from(KEYS) | _texts)] = copy.deepcopy(draw(_values))
    elif kind == 7 and isinstance(place, dict):
        place[draw(st.sampled_from(KEYS))] = place.pop(last)
    elif kind == 8:
        place[last] = [copy.deepcopy(place[last])] * draw(st.sampled_from([0, 1, 2, 30]))
    else:
        other = draw(st.sampled_from(list(_places(document))))
        value: Any = document
        for key in other:
            value = value[key]
        place[last] = copy.deepcopy(value)


class _Dumper(yaml.SafeDumper):
    """Writes what a hand could write: no aliases for what merely is the same twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@st.composite
def question_files(draw: st.DrawFn) -> bytes:
    """Draw the content of a question file: a valid one with some changes to what it says, or to
    its text.
    """
    document = copy.deepcopy(
        draw(st.sampled_from([questions.FULL, questions.question_mapping(), questions.FULL]))
    )
    document = yaml.safe_load(questions.as_yaml(document))
    for _ in range(draw(st.integers(0, 4))):
        _change(draw, document)
    try:
        text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=None)
    except (yaml.YAMLError, TypeError):
        text = repr(document)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            text = text[:at]
        elif kind == 1:
            text = text[:at] + text[at + draw(st.integers(1, 30)) :]
        elif kind == 2:
            text += text[at:]
        else:
            colon = text.find(": ", at)  # mostly where a value stands
            at = colon + 2 if colon > 0 and kind < 5 else at
            text = text[:at] + draw(st.sampled_from(SNIPPETS)) + text[at:]
    content = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 19)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=8)) + content[at:]
    return content


# Nothing here may reach beyond the folder or the machine: no absolute paths, no other host.
WORDS = ("", " ", "0", "-1", "1", "2", "3", "1e9", "inf", "nan", "0x10", "999999999999999999999")
WORDS += (
    "x",
    "x" * 300,
    "x" * 5000,
    "a/" * 2500,
    "é",
    "\x1b[31mred",
    "[red]",
    "a\nb",
    "--",
    "-",
    "-h",
)
WORDS += ("all", "q1", "q7_wider", "tiny", "tiny.yaml", "tiny.yaml:tiny_cnn", "tiny.yaml:nobody")
WORDS += (
    "./tiny.yaml",
    "bad.yaml",
    "folder",
    "fifo",
    "nowhere.yaml",
    "tiny.yaml:",
    ":",
    ":x",
    "s-seed10",
)
WORDS += ("nobody", "index", "local", "auto", "127.0.0.1:9", "http://127.0.0.1:9", "results", "5m")
WORDS += (
    "90s",
    "0s",
    "1.5h",
    "-5m",
    "tpe",
    "random",
    "grid",
    "gp",
    "cmaes",
    "asha",
    "none",
    "median",
)
WORDS += (
    "--trials",
    "--trials=7.yaml",
    "./--trials=7.yaml",
    "--quick",
    "--json",
    "--debug",
    "1,5",
)

_VALUES_OF = {
    "--address": ("127.0.0.1:9", "http://127.0.0.1:9", "", "nobody", "local", "x" * 300, "a b"),
    "--results": (
        "results",
        "new",
        "tiny.yaml",
        "",
        "folder",
        "fifo",
        "mock://bucket/x",
        "a\x1bb",
    ),
    "--out": ("pages", "tiny.yaml", "", "folder/x", "fifo", "x" * 300),
    "--name": (
        "s-seed10",
        "new",
        "index",
        "",
        "..",
        "../x",
        "x" * 300,
        "é",
        ".hidden",
        "a b",
        "a/b",
    ),
}
_NEVER = {"--open", "--help", "-h", "--version", "--address"}


def options(command: str) -> list[str]:
    """Return the options of a command."""
    import typer.main

    group: Any = typer.main.get_command(app)
    return [
        option
        for parameter in group.commands[command].params
        for option in getattr(parameter, "opts", ())
        if option.startswith("--") and option not in _NEVER
    ]


def commands() -> list[str]:
    """Return the names of all commands."""
    import typer.main

    group: Any = typer.main.get_command(app)
    return sorted(group.commands)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Draw the words of a command line, near to what is right."""
    command = draw(st.sampled_from(commands()))
    words = [command]
    hostile = st.sampled_from(WORDS) | st.text(max_size=12).filter(_is_harmless)
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        words.append(draw(hostile))
    for _ in range(draw(st.integers(0, 3))):
        known = options(command)
        if not known:
            break
        option = draw(st.sampled_from(known))
        value = draw(st.sampled_from(_VALUES_OF[option]) if option in _VALUES_OF else hostile)
        shape = draw(st.integers(0, 4))
        words += (
            [f"{option}={value}"] if shape == 0 else [option] if shape == 1 else [option, value]
        )
    if command in ("submit", "jobs", "logs", "stop"):
        words[1:1] = ["--address", draw(st.sampled_from(_VALUES_OF["--address"]))]
    if draw(st.integers(0, 9)) == 0:
        words = draw(st.permutations(words))
    return words


def _is_harmless(text: str) -> bool:
    """Return whether a text stays in the folder and on the machine."""
    return not text.startswith(("/", "~")) and ".." not in text and "://" not in text
