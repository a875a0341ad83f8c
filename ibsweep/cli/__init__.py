"""The commands, one file each: parse, call the library, print.

Exit codes: 0 done, 1 the run failed, 2 wrong usage or input, 130 interrupted. What went wrong is
told in one or two lines on the standard error stream; ``--debug`` adds the traceback. Handlers
import what they need when they run, so that ``--help`` loads neither torch nor Ray.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ibsweep import __version__
from ibsweep.cli import (
    check,
    efficiency,
    jobs,
    logs,
    questions,
    replicate,
    report,
    resume,
    settle,
    show,
    stop,
    submit,
    sweeps,
    train,
    tune,
)
from ibsweep.cluster.limits import explained
from ibsweep.cluster.stop_signals import handle_stop_signals
from ibsweep.errors import IbsweepError, InputError, format_value
from ibsweep.results.location import close_mirrors
from ibsweep.terminal import guarded_streams, say

__all__ = ["app", "run"]


class _Commands(TyperGroup):
    """The commands; Ctrl-C that none of them answers is told, which typer would end in silence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="ibsweep",
    cls=_Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("questions")(questions.questions)
app.command("show")(show.show)
app.command("tune", epilog=tune.EXAMPLES)(tune.tune)
app.command("resume")(resume.resume)
app.command("sweeps")(sweeps.sweeps)
app.command("check")(check.check)
app.command("efficiency", epilog=efficiency.EXAMPLES)(efficiency.efficiency)
app.command("settle", epilog=settle.EXAMPLES)(settle.settle)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("replicate", epilog=replicate.EXAMPLES)(replicate.replicate)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("submit", epilog=submit.EXAMPLES, context_settings=submit.SETTINGS)(submit.submit)
app.command("jobs")(jobs.jobs)
app.command("logs")(logs.logs)
app.command("stop")(stop.stop)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"ibsweep {__version__}", to="stdout")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")
    ] = False,
) -> None:
    """Hyperparameter sweeps for many small models, with the evidence for what they find."""
    del version, debug  # read by run(), which takes --debug from anywhere in the line


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: The words after the program's name.

    Returns:
        The exit code.
    """
    debug = "--debug" in arguments
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of a home without a cache
    with guarded_streams():  # what a user's own code prints is no more to steer a terminal
        return _run(arguments, debug)


def _run(arguments: Sequence[str], debug: bool) -> int:
    code = _run_command(arguments, debug)
    try:
        close_mirrors()  # results at a URL have everything, however the command ended
    except IbsweepError as error:
        return max(code, _complain(str(error), error.exit_code, debug))
    except KeyboardInterrupt:
        return _complain("interrupted", 130, debug)
    return code


def _run_command(arguments: Sequence[str], debug: bool) -> int:
    words = [word for word in arguments if word != "--debug"]
    handle_stop_signals()
    try:
        _check_words(words)
        result: Any = app(words or ["--help"], prog_name="ibsweep", standalone_mode=False)
        sys.stdout.flush()
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted", 130, debug)
    except typer.TyperException as error:
        return _complain(error.format_message(), error.exit_code, debug)
    except IbsweepError as error:
        return _complain(str(error), error.exit_code, debug)
    except BrokenPipeError:
        return 1  # whoever read the output has left, and needs no word
    except Exception as error:  # noqa: BLE001
        # a fault of ours, or of the machine; still no wall of text unless it is asked for
        return _complain(explained(error), 1, debug)
    return result if isinstance(result, int) else 0


def _check_words(words: Sequence[str]) -> None:
    """Refuse what no file, name or number is written with, and no record could hold.

    Raises:
        InputError: For bytes that are not UTF-8, and for a zero byte.
    """
    for word in words:
        if any("\ud800" <= c <= "\udfff" for c in word):
            shown = format_value(word)
            raise InputError(f"{shown} on the command line is not UTF-8; rename what it names")
        if "\0" in word:
            raise InputError(f"{format_value(word)} on the command line has a zero byte in it")


_LINE, _LINES = 700, 25
"""Characters of a line of an error that are shown, and lines: all else is a message that ran away.
"""


def _complain(message: str, code: int, debug: bool) -> int:
    if debug:
        say(traceback.format_exc())
    lines = message.split("\n")
    left = 10 * _LINE
    for line in lines[:_LINES]:
        shown = line if len(line) <= _LINE else f"{line[: _LINE - 3]}..."
        left -= len(shown)
        if left < 0:
            break
        say(f"ibsweep: {shown}")
    if left < 0 or len(lines) > _LINES:
        say("ibsweep: and more; --debug shows all of it")
    return code
