"""``ibsweep submit``: a command line as a job on a cluster."""

from __future__ import annotations

import json as json_module
import re
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import typer
from typer.core import TyperArgument, TyperGroup

from ibsweep.cli import replicate, resume, tune
from ibsweep.cli.flags import JOB_SERVER, JobServer, JsonFlag, job_server_flag
from ibsweep.cli.logs import FollowFlag, follow_job
from ibsweep.errors import InputError
from ibsweep.results.location import display_path, no_transfer
from ibsweep.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["JobCommand", "checked", "job_command", "submit"]

EXAMPLES = """
Examples: ibsweep submit -- tune q7_wider --trials 20 | ibsweep submit --follow -- tune
my_question.yaml | ibsweep submit --address http://10.0.0.5:8265 -- resume all
"""

SETTINGS = {"allow_interspersed_args": False}
"""What stands after the first word of the command belongs to the command."""

_CHECKS = {"tune": tune.check, "replicate": replicate.check, "resume": resume.check}
"""Commands that can be checked before they are submitted."""
_WITH_FILES = ("tune", "replicate", "efficiency", "settle")
"""Commands that take question files."""
_SUBMITTED = (*_WITH_FILES, "resume")


def submit(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND...", help=f"One of {', '.join(_SUBMITTED)}, with its options."
        ),
    ],
    address: JobServer = JOB_SERVER,
    name: Annotated[
        str | None, typer.Option(metavar="JOB", help="Id of the job; default: a new one.")
    ] = None,
    python: Annotated[
        str, typer.Option(help="The Python on the head that has ibsweep.")
    ] = "python",
    follow: FollowFlag = False,
    json: JsonFlag = False,
) -> None:
    """Run a command as a job on a Ray cluster, and print the job's id.

    The command is checked here and runs on the cluster's head, its trials on all nodes. Question
    files go along with it, with the folders of those that name code or data of their own. Results
    stay on the head; a relative --results counts from the home directory there.
    """
    from ibsweep.cluster.jobs import Jobs
    from ibsweep.results.names import check_name

    if follow and json:
        raise InputError("--follow and --json exclude each other: give one of them")
    if name is not None:
        check_name(name, "job")
    inner = checked(context, words)
    made = job_command(inner, python)
    job = name or f"{_label(inner)}-{secrets.token_hex(3)}"
    jobs = Jobs(address)
    jobs.submit(job, made.line, made.files)
    if json:
        document = {"job": job, "command": made.line, "results": made.results}
        say(json_module.dumps(document), to="stdout")
    else:
        say(job, to="stdout")
    at_url = "://" in made.results
    on_head = f" on the cluster's head; `scp -r HEAD:{made.results} .` gets them"
    say(f"ibsweep: results go to {made.results}{'' if at_url else on_head}")
    if follow:
        follow_job(jobs, job, job_server_flag(address))


def checked(context: typer.Context, words: Sequence[str]) -> typer.Context:
    """Return the context of a command that was parsed and checked, and did nothing.

    Args:
        context: Of any command of the program.
        words: The command to submit.

    Raises:
        InputError: For a command that is not for a cluster, and as the command itself raises.
        typer.TyperException: As the command itself raises.
    """
    root = context.find_root()
    assert isinstance(root.command, TyperGroup)
    name, command, rest = root.command.resolve_command(root, list(words))
    if name not in _SUBMITTED or command is None:
        raise InputError(f"`{name}` is no job for a cluster: submit takes {', '.join(_SUBMITTED)}")
    with no_transfer():
        inner = command.make_context(name, rest, parent=root)
    if name in _CHECKS:
        _CHECKS[name](cast("typer.Context", inner))
    return cast("typer.Context", inner)


class JobCommand(NamedTuple):
    """What a job is made of.

    Attributes:
        line: For a shell on the cluster's head.
        files: Question files, or their folders, by the names that the line calls them by.
        results: Where its results go, as a word for a shell there.
    """

    line: str
    files: dict[str, Path]
    results: str


def job_command(inner: typer.Context, python: str) -> JobCommand:
    """Return a command as a job: the same words, but for where it runs and writes.

    Args:
        inner: The command's context.
        python: The interpreter on the cluster's head.
    """
    targets, files = _targets(inner)
    options = shlex.join(_options(inner, files))
    results: Path = inner.params["results"]
    there = shlex.quote(display_path(results))
    if not results.is_absolute():
        there = f"~/{there}"  # a job runs in a directory that does not last
    words = [python, "-m", "ibsweep", str(inner.info_name)]
    given = shlex.join(targets)
    where = f"--address {shlex.quote(inner.params['address'] or 'auto')} --results {there}"
    if any(target.startswith("-") for target in targets):  # no option there, as it is none here
        parts = [shlex.join(words), options, where, "--", given]
    else:
        parts = [shlex.join(words), given, options, where]
    return JobCommand(" ".join(filter(None, parts)), files, there)


def _targets(inner: typer.Context) -> tuple[list[str], dict[str, Path]]:
    """Return a command's arguments as the job calls them, and what goes along for them.

    A question file goes by itself where it names nothing beside it, else with its folder.
    """
    from ibsweep.questions.files import file_of

    targets: list[str] = []
    files: dict[str, Path] = {}
    for parameter in inner.command.params:
        if isinstance(parameter, TyperArgument):
            targets += inner.params[str(parameter.name)]
    for place, target in enumerate(targets):
        file, arm = file_of(target) if inner.info_name in _WITH_FILES else (None, None)
        if file is None:
            continue
        shipped = file.absolute().parent if _needs_folder(file) else file
        known = [name for name, path in files.items() if path == shipped]
        plain = _plain_name(shipped.name)
        name = known[0] if known else f"{place}-{plain}" if plain in files else plain
        files[name] = shipped
        inside = f"{name}/{file.name}" if shipped != file else name
        targets[place] = f"{inside}:{arm}" if arm else inside
    return targets, files


def _plain_name(name: str) -> str:
    """Return a file's name as any shell and command line takes it, the suffix as it was."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("-")
    return f"question{plain}" if plain.startswith(".") or not plain else plain


def _needs_folder(file: Path) -> bool:
    from ibsweep.questions.files import load_file

    question = load_file(file)
    return bool(question.references) or question.data["from"] != "edges"


def _options(inner: typer.Context, files: dict[str, Path]) -> list[str]:
    """Return a command's options as they were given, without --address and --results.

    Args:
        inner: The command's context.
        files: What goes along; files that options name are added.
    """
    words: list[str] = []
    for parameter in inner.command.params:
        name = str(parameter.name)
        source = inner.get_parameter_source(name)
        if source is None or source.name == "DEFAULT":
            continue
        if isinstance(parameter, TyperArgument) or name in ("address", "results"):
            continue
        value: Any = inner.params[name]
        if value is True:
            words.append(parameter.opts[0])
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                if name == "enqueue":
                    plain = _plain_name(one.name)
                    called = f"{len(files)}-{plain}" if plain in files else plain
                    files[called], one = one, called
                if name == "sampler":
                    one = _shipped_sampler(one, files)
                words += [parameter.opts[0], str(one)]
    return words


def _shipped_sampler(text: str, files: dict[str, Path]) -> str:
    """Return a sampler as the job calls it; one in a file goes along, with its folder."""
    from ibsweep.sweep.sampler_choice import parse_sampler

    choice = parse_sampler(text)
    if choice.folder is None:
        return text
    known = [name for name, path in files.items() if path == choice.folder]
    plain = _plain_name(choice.folder.name)
    name = known[0] if known else f"{len(files)}-{plain}" if plain in files else plain
    files[name] = choice.folder
    return ":".join([f"{name}/{choice.name}", *text.split(":", 2)[2:]])


def _label(inner: typer.Context) -> str:
    """Return the beginning of a job's id: the command and what it is first about."""
    targets, _ = _targets(inner)
    about = re.sub(r"[^A-Za-z0-9_]+", "-", Path(targets[0].partition(":")[0]).stem)[:60].strip("-")
    return f"{inner.info_name}-{about}"
