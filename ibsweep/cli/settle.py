"""``ibsweep settle``: open claims, decided by further fresh replicates."""

from __future__ import annotations

import json as json_module
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ibsweep.cli.check import say_left_out
from ibsweep.cli.console import PlainConsole
from ibsweep.cli.flags import Address, JsonFlag, QuietFlag, ResultsDir, parse_duration
from ibsweep.cli.interruption import HowToResume
from ibsweep.cli.restart import CommandRecovery
from ibsweep.results.location import display_path
from ibsweep.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ibsweep.analysis.load import Results as Loaded
    from ibsweep.questions.schema import Question
    from ibsweep.sweep.settle import Settled

EXAMPLES = """
Examples: ibsweep settle q7 | ibsweep settle q7_wider_beats_simple --max-replicates 60 | ibsweep
settle all --max-time 2h
"""

_HOW_TO_RESUME = HowToResume("what is trained is safe")


def settle(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="QUESTION|CLAIM|FILE|all...", help="Of what is stored; `report` shows claims."
        ),
    ],
    max_replicates: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Score replicates that a configuration may have, the sweep's own among them; "
            "default: eight times those.",
        ),
    ] = None,
    max_time: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Begin no batch after this: 90s, 5m, 1h."),
    ] = None,
    address: Address = None,
    results: ResultsDir = Path("results"),
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train fresh replicates of what open claims compare, until these are decided.

    Of every arm the newest finished sweep counts. Claims are judged again after every batch, at
    looks that are fixed beforehand, so that looking often does not lead to more wrong verdicts.
    The claim that needs the fewest replicates comes first. What is trained is kept, so the same
    command goes on after an interruption, and with a larger budget.
    """
    from ibsweep.analysis.load import load
    from ibsweep.errors import InputError, SweepError, SweepGoneError

    if max_replicates is not None and max_replicates < 1:
        raise InputError(f"`--max-replicates` must be at least 1, but got {max_replicates}")
    seconds = None if max_time is None else parse_duration(max_time)
    loaded = load(results)
    say_left_out(loaded.unreadable)
    asked = _asked(loaded, targets)
    progress = _display(quiet=quiet)
    begun = time.monotonic()

    def words_with_time_left() -> list[str]:
        """Of an option that stands twice the last one counts."""
        if seconds is None:
            return sys.argv[1:]
        left = max(1.0, seconds - (time.monotonic() - begun))
        return [*sys.argv[1:], "--max-time", f"{left:.0f}s"]

    try:
        with progress:
            from ibsweep.sweep.settle import settle as run

            found = run(
                results,
                asked,
                most=max_replicates,
                seconds=seconds,
                address=address,
                progress=progress,
                recovery=CommandRecovery(progress, lambda: _HOW_TO_RESUME, words_with_time_left),
            )
    except KeyboardInterrupt:
        _HOW_TO_RESUME.report_interruption()
        raise typer.Exit(130) from None
    except SweepGoneError:
        raise
    except SweepError as error:
        raise SweepError(f"{error}\n{_HOW_TO_RESUME.text()}") from error
    if json:
        say(json_module.dumps({"claims": [_document(one) for one in found]}), to="stdout")
        return
    console = PlainConsole()
    for one in found:
        console.print(sentence(one), soft_wrap=True)


def _asked(loaded: Loaded, targets: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the claims that are meant, by question.

    Raises:
        InputError: If a target is no question or claim of a finished sweep, or has no claims.
    """
    from ibsweep.errors import InputError, suggestion
    from ibsweep.questions.files import file_of, load_file

    questions: Mapping[str, Question] = loaded.questions()
    claims = {name: [claim.id for claim in q.claims] for name, q in questions.items()}
    if not claims:
        raise InputError(
            f"no finished sweep in {display_path(loaded.path)}, so there are no claims to settle: "
            "`ibsweep tune` comes first"
        )
    asked: dict[str, list[str]] = {}
    for target in targets:
        file, _ = file_of(target)
        word = target if file is None else load_file(file).question
        if word == "all":
            found = {name: ids for name, ids in claims.items() if ids}
        elif word in claims:
            found = {word: claims[word]}
        else:
            found = {name: [word] for name, ids in claims.items() if word in ids}
        if not found and word != "all":
            known = {*claims, *(one for ids in claims.values() for one in ids)}
            raise InputError(
                f"no question or claim {word!r} of a finished sweep in "
                f"{display_path(loaded.path)}: {suggestion(word, known)}"
            )
        if not any(found.values()):
            raise InputError(f"{target} has no claims to settle: give it some under `claims`")
        for name, ids in found.items():
            asked.setdefault(name, []).extend(ids)
    return asked


def _display(*, quiet: bool) -> Any:
    """Return the progress, which is made here: what it derives from is heavy to import."""
    from ibsweep.cli.progress import RunsProgress
    from ibsweep.sweep.settle_plan import Trained

    class Display(RunsProgress):
        def batch_started(self, runs: int) -> None:
            self.extend(runs)

        def runs_finished(self, side: Trained, runs: int) -> None:
            what = f"{side.sweep}, trial {side.trial} with {side.train_size}"
            self.advance(runs, what, f"{runs} replicate{'' if runs == 1 else 's'}")

    return Display(PlainConsole(stderr=True), "settle", "settling", quiet=quiet)


def sentence(one: Settled) -> str:
    """Return what became of a claim, in a sentence, with its effect and what open would take."""
    from ibsweep.analysis.claims import Verdict
    from ibsweep.sweep.settle_sides import cannot_settle

    before, after = (result.verdict.replace("_", " ") for result in (one.before, one.after))
    spent = f"{one.spent} further replicates" if one.spent else ""
    if one.after.verdict not in (Verdict.OPEN, Verdict.NOT_TESTED):
        how = f"{before} before, with {spent}" if spent else "as before"
    elif reason := cannot_settle(one.after, one.evidence):
        how = f"{spent or 'nothing was trained'}; {reason}"
    else:
        needed = [test.needed for test in one.after.tests if test.needed]
        takes = f"; it takes {' and '.join(dict.fromkeys(needed))}" if needed else ""
        how = f"{spent or 'nothing was trained'}{takes}"
    tests = "; ".join(test.statement for test in one.after.tests if test.replicates)
    text = f"{one.after.claim.id}: {after} ({how})"
    return f"{text}: {tests}" if tests else text


def _document(one: Settled) -> dict[str, Any]:
    from ibsweep.sweep.settle_sides import cannot_settle

    return {
        "question": one.evidence.question.question,
        "claim": one.after.claim.id,
        "before": str(one.before.verdict),
        "after": str(one.after.verdict),
        "spent": one.spent,
        "advice": cannot_settle(one.after, one.evidence),
        "tests": [
            {
                "verdict": str(test.verdict),
                "effect": test.effect,
                "low": test.low,
                "high": test.high,
                "unit": test.unit,
                "adjusted_p": test.adjusted_p,
                "replicates": test.replicates,
                "look": test.look,
                "needed": test.needed,
            }
            for test in one.after.tests
        ],
    }
