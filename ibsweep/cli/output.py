"""The end of a sweep as a user reads it, and as a program does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from ibsweep.analysis.beginnings import earlier_notes
from ibsweep.analysis.expected_best import of_rows, would_more_pay
from ibsweep.analysis.fronts import left_out_text, undominated
from ibsweep.analysis.runs_wording import SAME_REPLICATES, of_all_text, runs_text, versus_text
from ibsweep.analysis.strip import span, span_text, strip_of
from ibsweep.analysis.summary import config_text
from ibsweep.analysis.versus import over_baseline
from ibsweep.analysis.wording import interval_text
from ibsweep.cli.report import showable
from ibsweep.results.location import display_path
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore
from ibsweep.terminal import say

if TYPE_CHECKING:
    from rich.console import Console

    from ibsweep.analysis.repeats import Repeats
    from ibsweep.analysis.summary import Confirmed, SweepSummary
    from ibsweep.sweep.progress import Tally

_MOST = 5_000
"""Trials up to which what n of them come to is told here: it takes the square of their number."""

__all__ = ["print_json", "print_repeats", "print_summary"]


def print_json(
    summaries: Sequence[SweepSummary], tallies: Sequence[Tally], repeats: Sequence[Repeats]
) -> None:
    """Print the one document of ``--json``."""
    sweeps = [
        summary.to_json()
        | {
            "seconds": round(tally.elapsed, 3),
            "model_epochs_per_second": round(tally.rate, 3),
        }
        for summary, tally in zip(summaries, tallies, strict=True)
    ]
    repeated = [one.to_json() for one in repeats]
    say(json.dumps({"sweeps": sweeps, "repeats": repeated}), to="stdout")


def print_repeats(repeats: Sequence[Repeats], console: Console) -> None:
    """Print what repeated sweeps found, a sentence an arm.

    Args:
        repeats: One an arm.
        console: Where to print.
    """
    if repeats:
        console.print()
    for one in repeats:
        console.print(f"{one.arm.name}, {one.sentence()}", soft_wrap=True)


def print_summary(summary: SweepSummary, tally: Tally, console: Console) -> None:
    """Print what a sweep found: the published figure, baseline, best, and where things are."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    objective, noun = summary.question.objective, summary.data.noun
    if summary.published is not None:
        figure = objective.format(summary.published)
        table.add_row("published", figure, f"in the question's file, validation {noun}")
    _add_baseline(table, summary, console)
    best = summary.best
    if best is not None:
        replicates = len(best.trial.replicates)
        table.add_row(
            f"best, trial {best.trial.trial}",
            objective.format(best.trial.figure(objective.valid)),
            f"in the sweep, {replicates} replicates; optimistic, as every winner's figure",
        )
        _add_choice(table, summary, best)
        _add_score(table, summary, best, console)
        found = over_baseline(summary)
        if found is not None:
            text = versus_text(objective, found, "the baseline")
            table.add_row("    by comparison", "", text)
        elif best.trial.origin == "baseline":
            table.add_row("    by comparison", "", "it is the baseline; nothing better was found")
        table.add_row("    configuration", "", config_text(best.trial.config))
        _add_front(table, summary)
    counts = summary.counts
    states = (
        f"{counts[TrialState.COMPLETE]} complete, {counts[TrialState.PRUNED]} pruned, "
        f"{counts[TrialState.FAIL]} failed"
    )
    if tally.rate:  # this command trained some of them
        states += f"; {tally.elapsed:.0f} s, {tally.rate:,.0f} model-epochs/s"
    table.add_row("trials", str(sum(counts.values())), states)
    if more := _more_trials(summary):
        table.add_row("more trials", "", more)
    ended = summary.manifest.ended
    if ended and ended["why"] != "trials":
        table.add_row("ended", "", ended["words"])
    if extended := summary.manifest.extended:
        asked = [*(one["trials"][0] for one in extended), summary.manifest.trials]
        turns = " then ".join(str(n) for n in dict.fromkeys(asked))
        further = any(one["further_time"] or one.get("max_time") for one in extended)
        words = f"{turns} trials were asked for" + (" and further time" if further else "")
        epochs = [n for one in extended for n in one.get("budget") or () if n is not None]
        if len(set(epochs)) > 1:
            words += f" and {' then '.join(f'{n:,}' for n in dict.fromkeys(epochs))} model-epochs"
        table.add_row("extended", "", f"{words}, when results had been seen")
    for note in earlier_notes(summary.manifest):
        table.add_row("began with", "", note)
    if summary.manifest.is_quick:
        table.add_row("a quick look", "", "too small a budget to go by; tune without --quick")
    table.add_row("seed", str(summary.manifest.seed), "of the sampler and of all replicates")
    files = ("best.yaml", "best.pt", "trials.jsonl")
    there = ", ".join(name for name in files if (summary.directory / name).exists())
    where = display_path(summary.directory) + (f" ({there})" if there else "")
    table.add_row("results", "", where)
    console.print()
    console.print(summary.name, style="bold")
    console.print(table, soft_wrap=not console.is_terminal)


def _more_trials(summary: SweepSummary) -> str:
    """Return whether more trials would have paid; nothing where it cannot be told."""
    if summary.best is None or summary.question.further_objectives:
        return ""
    objective, rows = summary.question.objective, SweepStore(summary.directory).trials()
    if len(rows) > _MOST:
        return ""
    return would_more_pay(of_rows(rows, objective).expected, objective, summary.best.test)


def _add_front(table: Table, summary: SweepSummary) -> None:
    """Show the front of several objectives, a line a configuration; the best is among them."""
    first, *further = summary.question.objectives
    if not further:
        return
    for one, chance in zip(
        summary.front, undominated(summary.front, (first, *further)), strict=True
    ):
        costs = ", ".join(
            f"{metric.title} {metric.format(one.interval(metric).mean)}" for metric in further
        )
        text = f"{costs}; undominated with probability {chance:.2f}"
        table.add_row(f"front, trial {one.trial.trial}", first.format(one.test.mean), text)
    if summary.front_left_out:
        table.add_row("", "", left_out_text(summary.front_left_out))


def _add_baseline(table: Table, summary: SweepSummary, console: Console) -> None:
    baseline, confirmed = summary.baseline, summary.confirmed_baseline
    if baseline is None:
        return
    objective = summary.question.objective
    value = baseline.figure(objective.valid)
    if value is None:
        table.add_row("baseline", "-", f"failed: {baseline.reason}")
        return
    table.add_row(
        "baseline",
        objective.format(value),
        f"in the sweep, {len(baseline.replicates)} replicates",
    )
    if confirmed is not None:
        _add_score(table, summary, confirmed, console)


def _add_choice(table: Table, summary: SweepSummary, best: Confirmed) -> None:
    """Say what the best was chosen by, where its score is another."""
    objective, noun = summary.question.objective, summary.data.noun
    if summary.chosen_on_score:
        table.add_row("    chosen", "", f"{SAME_REPLICATES}: a little optimism remains")
        return
    others = len(summary.confirmed) - 1
    compared = f"validation {noun} of {len(best.choice)} fresh replicates"
    if others:
        compared += f", against {others} other{'' if others == 1 else 's'}"
    mean, low, high = best.valid
    ends = interval_text(objective, low, high, beside=mean)
    table.add_row("    chosen", objective.format(mean), f"{ends} on {compared}".lstrip())


def _add_score(table: Table, summary: SweepSummary, scored: Confirmed, console: Console) -> None:
    """Say how often it trains and how well, and show the single runs."""
    shown = (side for side in (summary.best, summary.confirmed_baseline) if side is not None)
    strip = strip_of(scored, span(strip_of(side).values for side in shown))
    if not strip.values:
        return
    objective, runs = scored.objective, scored.runs
    text = f"{runs_text(objective, runs)}, on held-out test {summary.data.noun}"
    table.add_row("    scored", "", text)
    of_all = of_all_text(objective, runs)
    if of_all:
        table.add_row("", "", of_all)
    if len(strip.values) > 1:
        ends = span_text(objective, (strip.low, strip.high))
        table.add_row("", "", f"{showable(strip.text, console)}  {ends}")
