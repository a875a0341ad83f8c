"""The report: an HTML page a question and an index, each a file of its own that needs no other.

A page says the answer first: the claims with their verdicts, the best configuration of every arm,
then the evidence. What stands on it is made in ``tables``, ``verdicts`` and ``figures`` from the
frames; here it is put in order.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ibsweep import __version__
from ibsweep.analysis.claims import RULE
from ibsweep.analysis.evidence import gather, known_questions
from ibsweep.analysis.report import figures, fronts, provenance, tables, verdicts
from ibsweep.analysis.report.arms import (
    arms_table,
    arms_tables,
    confirmed_table,
    unfinished,
)
from ibsweep.analysis.report.cells import SIGNS
from ibsweep.analysis.report.repeats import repeats_table
from ibsweep.analysis.runs_wording import SAME_REPLICATES, of_all_text, runs_text, versus_text
from ibsweep.analysis.summary import config_text
from ibsweep.analysis.versus import over_baseline
from ibsweep.analysis.wording import capitalised, number
from ibsweep.results.files import make_directory, replace_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from jinja2 import Environment
    from markupsafe import Markup

    from ibsweep.analysis.evidence import Evidence
    from ibsweep.analysis.load import Results
    from ibsweep.analysis.report.cells import Table
    from ibsweep.analysis.report.figures import PageFigure
    from ibsweep.analysis.summary import SweepSummary

__all__ = ["gather_all", "write_pages"]

_CODE = re.compile("`([^`]+)`")
_TOGETHER = re.compile(r"\[[^\[\]]{1,24}\]| %|\bp (?:=|&lt;) [\d.]+")


@dataclass(frozen=True)
class _Claim:
    """A claim as the page shows it."""

    text: str
    verdict: str
    quick: bool
    sentences: tuple[str, ...]
    needed: tuple[str, ...]
    table: Table


@dataclass(frozen=True)
class _Arm:
    """The part of a page that unfolds for one arm."""

    title: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[PageFigure, ...]


@dataclass(frozen=True)
class _Section:
    """A part of a page; what is empty is not shown."""

    name: str
    title: str
    lines: tuple[str, ...] = ()
    claims: tuple[_Claim, ...] = ()
    figures: tuple[PageFigure, ...] = ()
    tables: tuple[Table, ...] = ()
    arms: tuple[_Arm, ...] = ()
    facts: tuple[tuple[str, list[tuple[str, str]]], ...] = ()
    code: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is anything in it."""
        tables = any(table.rows for table in self.tables)
        return bool(self.lines or self.claims or self.figures or tables or self.arms or self.facts)


def gather_all(
    results: Results, targets: Sequence[str] | None = None
) -> tuple[dict[str, Evidence], list[str]]:
    """Return the evidence for all questions, and which of them were asked for.

    Raises:
        InputError: If a target is no question or sweep.
    """
    asked = gather(results, targets)
    others = [name for name in known_questions(results) if name not in asked]
    everything = asked | (gather(results, others) if others else {})
    return dict(sorted(everything.items())), list(asked)


def write_pages(
    results: Results, evidence: Mapping[str, Evidence], asked: Sequence[str], out: Path
) -> list[Path]:
    """Write pages from evidence that was gathered.

    Args:
        results: Where it comes from.
        evidence: By question, of all questions for the index.
        asked: The questions to write pages of.
        out: A directory, made where there is none.

    Returns:
        The files written, the index first.

    Raises:
        InputError: If the directory cannot be made.
        SweepError: If the disk is full.
    """
    make_directory(out, "--out")
    environment = _environment()
    wrong = _wrong(results)
    written = [out / "index.html", *(out / f"{_page_of(name)}.html" for name in asked)]
    for path, name in zip(written[1:], asked, strict=True):
        page = environment.get_template("question.html").render(
            question=evidence[name].question,
            heading=evidence[name].question.heading,
            sections=_sections(results, evidence[name]),
            wrong=wrong,
        )
        replace_file(path, page.encode(errors="backslashreplace"))
    named = {name: _page_of(name) for name in evidence}
    pages = {name: page for name, page in named.items() if (out / f"{page}.html").exists()}
    index = environment.get_template("index.html").render(
        lead=_lead(evidence.values()),
        rule=RULE,
        claims=verdicts.claims_table(evidence.values(), pages),
        questions=verdicts.questions_table(evidence.values(), pages),
        arms=arms_tables(evidence.values(), pages),
        wrong=wrong,
    )
    replace_file(written[0], index.encode(errors="backslashreplace"))
    return written


def _page_of(question: str) -> str:
    """Return the name of a question's page: the index has one as well, and a question may have
    that name. No question's name has a hyphen.
    """
    return "index-question" if question == "index" else question


def _wrong(results: Results) -> dict[str, list[tuple[str, list[str]]]]:
    """Return what was left out and what is wrong besides: lines by sweep, under what they are."""
    found = {
        "These could not be read, or contradict themselves; nothing here is of them:": (
            results.unreadable
        ),
        "What is here was read all the same, in the only way that is possible:": results.notes,
    }
    return {
        title: [(name, text.splitlines()) for name, text in by_name.items()]
        for title, by_name in found.items()
        if by_name
    }


def _environment() -> Environment:
    import jinja2
    from markupsafe import Markup

    loader = jinja2.PackageLoader("ibsweep.analysis.report")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = f"\n{loader.get_source(environment, 'sort.js')[0]}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.filters["code"] = _code
    environment.globals["script"] = Markup(script)
    # the page runs this script and no other, whatever stands in a question's file
    environment.globals["script_hash"] = f"sha256-{digest}"
    environment.globals["version"] = __version__
    environment.globals["signs"] = SIGNS
    return environment


def _code(text: str) -> Markup:
    """Escape a text, show what stands in back-ticks as code, break no line in an interval."""
    from markupsafe import Markup, escape

    kept = _TOGETHER.sub(lambda found: found[0].replace(" ", "&nbsp;"), str(escape(text)))
    return Markup(_CODE.sub(r"<code>\1</code>", kept))


def _lead(gathered: Collection[Evidence]) -> str:
    found = [result for evidence in gathered for result in evidence.claims]
    arms = sum(s.best is not None for evidence in gathered for s in evidence.summaries.values())
    swept = f"{_count(len(gathered), 'question')}, {_count(arms, 'arm')} with a confirmed sweep."
    if not found:
        return swept
    return f"{swept} Of {_count(len(found), 'claim')}: {verdicts.count_verdicts(found)}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _sections(results: Results, evidence: Evidence) -> list[_Section]:
    sections = [
        _claims_section(evidence),
        _arms_section(evidence),
        _fronts_section(evidence),
        _efficiency_section(evidence),
        _replications_section(evidence),
        _details_section(evidence),
        _methods_section(evidence),
    ]
    return [*sections, _sources_section(results, evidence, sections)]


def _claims_section(evidence: Evidence) -> _Section:
    claims = tuple(
        _Claim(
            result.claim.text,
            result.verdict.value,
            verdicts.is_quick(evidence, result),
            tuple(verdicts.claim_sentences(result)),
            tuple(verdicts.what_it_takes(result)),
            verdicts.claim_tests_table(evidence, result),
        )
        for result in evidence.claims
    )
    note = verdicts.quick_note(evidence)
    lines = ((note,) if note else ()) if claims else ("This question has no claims.",)
    return _Section("answer", "The answer", lines, claims)


def _arms_section(evidence: Evidence) -> _Section:
    found = (
        arms_table(evidence),
        repeats_table(evidence),
        tables.pairs_table(evidence),
    )
    lines: tuple[str, ...] = ()
    confirmed = [summary for summary in evidence.summaries.values() if summary.best]
    if len(confirmed) > 1 and not evidence.pairs:
        lines = (
            "The arms cannot be compared two by two: they share no replicate seeds, or were "
            f"trained on different numbers of {evidence.data.noun}.",
        )
    drawn = (*figures.arms_figures(evidence), *figures.profiles_figures(evidence))
    return _Section("arms", "Arms", lines, figures=drawn, tables=found)


def _fronts_section(evidence: Evidence) -> _Section:
    """Return the fronts of several objectives; nothing of one."""
    return _Section(
        "fronts",
        "Fronts",
        figures=fronts.front_figures(evidence),
        tables=fronts.front_tables(evidence),
    )


def _efficiency_section(evidence: Evidence) -> _Section:
    noun = evidence.data.noun
    title = f"Number of {noun}"
    if not evidence.efficiency:
        line = (
            f"What more training {noun} are worth was not measured: "
            f"`ibsweep efficiency {evidence.question.word()}` does it."
        )
        return _Section("sizes", title, (line,))
    found = (tables.sizes_needed_table(evidence), tables.efficiency_table(evidence))
    return _Section("sizes", title, figures=figures.efficiency_figures(evidence), tables=found)


def _replications_section(evidence: Evidence) -> _Section:
    title = "Published figures"
    arms = evidence.question.arms.values()
    if not any(arm.published or arm.variants for arm in arms):
        return _Section("replication", title)
    if not evidence.replications:
        line = (
            "The settings of the published figures were not run over many seeds: "
            f"`ibsweep replicate {evidence.question.word()}` does it."
        )
        return _Section("replication", title, (line,))
    found = (tables.replications_table(evidence),)
    return _Section(
        "replication", title, figures=figures.replications_figures(evidence), tables=found
    )


def _details_section(evidence: Evidence) -> _Section:
    arms = []
    for name, summary in evidence.summaries.items():
        best = summary.best
        lines = [f"Sweep {summary.name}, {summary.state}."]
        named = summary.arm.title in ("", name)
        title = name if named else f"{name}: {summary.arm.title}"
        confirmed: tuple[Table, ...] = ()
        if best:
            lines += _best_lines(summary)
            confirmed = (confirmed_table(evidence, summary),)
        else:
            lines.append(f"Nothing is confirmed yet: {unfinished(summary)}.")
        drawn = (
            *figures.arm_figures(evidence, name),
            *fronts.hypervolume_figures(summary, evidence.trials),
        )
        arms.append(_Arm(title, tuple(lines), confirmed, drawn))
    note = () if arms else ("No arm was swept yet.",)
    return _Section("details", "Arm by arm", note, arms=tuple(arms))


def _best_lines(summary: SweepSummary) -> list[str]:
    """Return what is known of a sweep's best, in sentences."""
    best, metric = summary.best, summary.question.objective
    assert best is not None, "confirmed"
    lines = [f"Best is trial {best.trial.trial}: {config_text(best.trial.config)}."]
    if best.rows:
        lines.append(f"On fresh replicates: {runs_text(metric, best.runs)}.")
        of_all = of_all_text(metric, best.runs)
        if of_all:
            lines.append(f"{capitalised(of_all)}.")
    found = over_baseline(summary)
    if found:
        lines.append(f"{capitalised(versus_text(metric, found, 'the baseline'))}.")
    return lines


def _methods_section(evidence: Evidence) -> _Section:
    noun = evidence.data.noun
    baseline = any(arm.baseline for arm in evidence.question.arms.values())
    lines = (
        f"The leading trials of each sweep{' and the baseline' * baseline} were trained again "
        f"with fresh replicates. Which one is best was decided on their validation {noun}; "
        f"held-out test {noun} only score it. {_choice_note(evidence)} "
        f"{_pairing_note(evidence)}".strip(),
        *fronts.front_method(evidence),
        _scope_note(evidence),
        RULE,
    )
    facts = tuple(provenance.settings_rows(evidence))
    return _Section(
        "how", "How it was done", lines, tables=(provenance.sweeps_table(evidence),), facts=facts
    )


def _choice_note(evidence: Evidence) -> str:
    """Return whether the replicates that choose are those that score."""
    same = [arm for arm, summary in evidence.summaries.items() if summary.chosen_on_score]
    if not same:
        return (
            "The best and the baseline are scored on replicates that had no part in the choice, "
            "so that no optimism remains."
        )
    of = "" if len(same) == len(evidence.summaries) else f"{', '.join(same)}: "
    return f"{of}{SAME_REPLICATES}, so that a little optimism remains."


def _scope_note(evidence: Evidence) -> str:
    """Return what the intervals speak of."""
    data = evidence.data
    if data.draws == "population":
        return (
            f"Every replicate draws {data.noun} of its own, training, validation and test, from "
            "the generator: intervals speak of new data of the same kind as well as of training."
        )
    held_out = f"the same {data.rows['test']:,} test {data.noun}" if data.rows else "one test set"
    return (
        f"Every replicate draws its own training and validation {data.noun} from one pool and is "
        f"scored on {held_out}: intervals speak of resampling and training, given this test set."
    )


def _pairing_note(evidence: Evidence) -> str:
    """Return how the arms' replicates are paired; empty for a single arm."""
    confirmed = [
        (s.arm.size_of(s.best.trial.config), s.best) for s in evidence.summaries.values() if s.best
    ]
    if len(confirmed) < 2:
        return ""
    if len({(images, frozenset(r.seed for r in best.rows)) for images, best in confirmed}) == 1:
        return (
            "All arms share the replicate seeds, so that they are compared on the same "
            f"{evidence.data.noun}."
        )
    return (
        "Arms are compared on the replicate seeds that they share, at one number of "
        f"{evidence.data.noun}."
    )


def _sources_section(
    results: Results, evidence: Evidence, sections: Sequence[_Section]
) -> _Section:
    """Return where the numbers come from, and the code that finds one of them again."""
    sources = {"Verdicts": "ibsweep.analysis.claims.evaluate on confirmations: ClaimResult.tests"}
    for section in sections:
        whole = (*section.tables, *(table for arm in section.arms for table in arm.tables))
        shown = [table for table in whole if table.rows]
        sources |= {table.caption: table.source for table in shown if table.source}
        drawn = [*section.figures, *(figure for arm in section.arms for figure in arm.figures)]
        sources |= {f"Figure: {figure.title}": figure.source for figure in drawn}
    facts = tuple((what, [("", source)]) for what, source in sources.items())
    lines = ("Names are columns of the frames that `ibsweep.load` returns.",)
    best = next((s for s in evidence.summaries.values() if s.best), None)
    code = ""
    metric = evidence.question.objective
    if best and best.best:
        code = (
            "import ibsweep\n\n"
            f"results = ibsweep.load({json.dumps(str(results.path), ensure_ascii=False)})\n"
            "rows = results.confirmations.query(\n"
            f"    \"sweep == '{best.name}' and role == 'best' and purpose != 'choice' and "
            f'train_size == {best.arm.size_of(best.best.trial.config)}"\n'
            ")\n"
            f"rows.{metric.test}.mean()  # {number(metric, best.best.test.mean)}, as in the table "
            "of arms"
        )
    return _Section("sources", "Where each number comes from", lines, facts=facts, code=code)
