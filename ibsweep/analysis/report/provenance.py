"""How the sweeps were made: budgets, seeds, versions, machine, command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ibsweep.analysis.beginnings import earlier_notes
from ibsweep.analysis.report.cells import Cell, Table, number_cell, text_cell
from ibsweep.results.records import TrialState

if TYPE_CHECKING:
    from ibsweep.analysis.evidence import Evidence
    from ibsweep.results.manifest import Manifest

__all__ = ["settings_rows", "sweeps_table"]


def sweeps_table(evidence: Evidence) -> Table:
    """Return the sweeps that are reported."""
    rows = []
    for arm, summary in evidence.summaries.items():
        manifest, counts = evidence.manifests[arm], summary.counts
        trials = evidence.trials[evidence.trials["sweep"] == summary.name]
        rows.append(
            (
                text_cell(arm),
                text_cell(summary.name),
                text_cell(summary.state + (", extended" if manifest.extended else "")),
                text_cell(manifest.created.replace("T", " ")[:16]),
                number_cell(manifest.trials, "d"),
                number_cell(counts[TrialState.COMPLETE], "d"),
                number_cell(counts[TrialState.PRUNED], "d"),
                number_cell(counts[TrialState.FAIL], "d"),
                number_cell(float(trials["seconds"].sum()) / 60, ".1f"),
                Cell(_seeds(manifest.replicate_seeds), manifest.seed),
                Cell(_seeds(manifest.choice_seeds), manifest.seed),
                Cell(_seeds(manifest.confirmation_seeds), manifest.seed),
            )
        )
    columns = (
        "arm",
        "sweep",
        "state",
        "started, UTC",
        "trials",
        "complete",
        "pruned",
        "failed",
        "minutes of trials",
        "replicate seeds",
        "seeds that choose",
        "seeds that score",
    )
    return Table(
        "sweeps",
        "The sweeps behind this page",
        columns,
        tuple(rows),
        frozenset(columns[4:9]),
        source=(
            "sweeps; minutes of trials: trials.seconds added up by sweep, without confirmations; "
            "seeds from each sweep's manifest.json"
        ),
    )


def _seeds(seeds: Sequence[int]) -> str:
    """Return seeds in words; those that are derived do not count up."""
    if len(seeds) == 1:
        return str(seeds[0])
    if seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return f"{seeds[0]} and {len(seeds) - 1} more"


def settings_rows(evidence: Evidence) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return how the sweeps were made, each value with the arms that it holds for.

    Returns:
        ``[(what, [(arms, value), ...]), ...]``; ``arms`` is empty where all share the value.
    """
    rows = []
    for what, read in _SETTINGS.items():
        arms: dict[str, list[str]] = {}
        for arm, manifest in evidence.manifests.items():
            arms.setdefault(read(manifest), []).append(arm)
        if len(arms) == 1:
            rows.append((what, [("", text) for text in arms if text]))
        else:
            rows.append((what, [(", ".join(names), text) for text, names in arms.items()]))
    return [(what, values) for what, values in rows if values]


def _pairs_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in values.items() if v not in (None, ""))


def _revision(git: Mapping[str, Any] | None) -> str:
    if git is None:
        return ""
    return f"{git['revision']}{', with changes' if git['dirty'] else ''}"


def _node_text(node: Mapping[str, Any]) -> str:
    gpus = f", {node['gpus']:g} GPU" if node["gpus"] else ""
    names = f" ({', '.join(node['gpu_names'])})" if node["gpu_names"] else ""
    return f"{node['node']}: {node['cpus']:g} CPU{gpus}{names}"


def _confirmation(manifest: Manifest) -> str:
    if manifest.choice_replicates is None:
        return (
            f"chosen among and scored by the same {manifest.confirm_replicates} fresh replicates"
        )
    return (
        f"compared on {manifest.choice_replicates} fresh replicates, the best and the baseline "
        f"scored by {manifest.confirm_replicates} others"
    )


def _limits(manifest: Manifest) -> str:
    """Return after what a sweep begins no new trial, with a semicolon before it."""
    shared = manifest.max_time
    texts = [
        f"{manifest.time_budget:g} s" if manifest.time_budget else "",
        f"{manifest.budget:,} model-epochs" if manifest.budget else "",
        f"{manifest.patience} trials without a better best" if manifest.patience else "",
        f"{shared['seconds']:g} s of the command for {len(shared['sweeps'])} sweeps"
        if shared
        else "",
    ]
    found = " or ".join(filter(None, texts))
    return f"; no new trial after {found}" if found else ""


def _extension(entry: Mapping[str, Any]) -> str:
    """Return how a sweep was extended; what was found with less is known by then."""
    before, after = entry["trials"]
    state = "it was finished" if entry["finished"] else f"{entry['done']} were done"
    text = f"{entry['when']}, when {state}"
    if after != before:
        text += f", from {before} to {after} trials"
    if entry["further_time"] is not None:
        text += f", by {entry['further_time']:g} s"
    if entry.get("max_time") is not None:
        text += f", by {entry['max_time']:g} s of the command"
    fewer, more = entry.get("budget") or (None, None)
    if fewer != more:
        text += f", from {fewer or 'any number of'} to {more} model-epochs"
    return f"{text}: {' '.join(entry['command'])}"


_SETTINGS: Mapping[str, Any] = {
    "command": lambda m: " ".join(m.command),
    "resumed": lambda m: "; ".join(f"{r['when']}: {' '.join(r['command'])}" for r in m.resumed),
    "extended": lambda m: "; ".join(map(_extension, m.extended)),
    "budget": lambda m: (
        f"{m.trials} trials of {m.replicates} replicates; {m.confirm} leaders and the baseline "
        + _confirmation(m)
        + _limits(m)
    ),
    "ended": lambda m: m.ended["words"] if m.ended else "",
    "begins with": lambda m: "; ".join(earlier_notes(m)),
    "sampler": lambda m: _pairs_text(m.sampler),
    "pruner": lambda m: _pairs_text(m.pruner),
    "a trial takes": lambda m: (
        f"{m.cpus_per_trial:g} CPU" + (f", {m.gpus_per_trial:g} GPU" if m.gpus_per_trial else "")
    ),
    "versions": lambda m: _pairs_text(m.versions),
    "machine": lambda m: _pairs_text(m.machine),
    "git revision": lambda m: _revision(m.git),
    "nodes": lambda m: "; ".join(map(_node_text, m.nodes)),
    "nodes left out": lambda m: "; ".join(m.excluded),
}
