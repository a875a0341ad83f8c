"""The benchmark's figures as files: JSON, a picture, and the tables of ``docs/benchmarks.md``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["renew", "save"]

BEGIN, END = "<!-- measured: python -m benchmarks --save docs -->", "<!-- end -->"

RATIO, SWEEP_RATIO, OVERHEAD_MS, LANE_SHARE, START_S = 10, 15, 60, 0.25, 0.5
"""The targets."""


def save(folder: Path, machine: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    """Write ``benchmark.json`` and ``benchmark.svg``, and renew the tables of ``benchmarks.md``.

    Args:
        folder: Where to; other parts of a file that is there stay, with what they were measured
            on.
        machine: What was measured on.
        parts: What was measured.
    """
    from benchmarks.plot import draw

    path = folder / "benchmark.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    figures = _merged(before, machine, parts)
    path.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    draw(figures, folder / "benchmark.svg")
    page = folder / "benchmarks.md"
    page.write_text(renew(page.read_text("utf-8") if page.exists() else "", figures), "utf-8")


def _merged(
    before: Mapping[str, Any], machine: Mapping[str, Any], parts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all figures: ``machine`` is that of every part which ``elsewhere`` does not name."""
    kept = {name: part for name, part in before.get("parts", {}).items() if name not in parts}
    machines = {name: before.get("elsewhere", {}).get(name, before["machine"]) for name in kept}
    machines |= dict.fromkeys(parts, machine)
    processors = [one["processor"] for one in machines.values()]
    usual = max(processors, key=processors.count)
    main = [one for one in machines.values() if one["processor"] == usual][-1]
    elsewhere = {name: one for name, one in machines.items() if one["processor"] != usual}
    return {"machine": main, "elsewhere": elsewhere, "parts": {**kept, **parts}}


def renew(text: str, figures: Mapping[str, Any]) -> str:
    """Return a page with the figures' tables in place of those between its two marks."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    parts = figures["parts"]
    written: dict[str, Callable[[Any], list[str]]] = {
        "engine": _engine,
        "sweeps": _sweeps,
        "overhead": _overhead,
        "lanes": _lanes,
        "own": _own,
    }
    lines = [f"{key}: {value}  " for key, value in figures["machine"].items()]
    for name, other in figures.get("elsewhere", {}).items():
        described = "; ".join(f"{key}: {value}" for key, value in other.items())
        lines.append(f"but `{name}` on another one: {described}  ")
    lines += ["", *_targets(parts)]
    for name, write in written.items():
        if name in parts:
            lines += ["", *write(parts[name])]
    return f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{tail or chr(10)}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    rules = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, rules, *rows)]


def _targets(parts: Mapping[str, Any]) -> list[str]:
    rows = []

    def add(what: str, target: str, measured: str, met: bool) -> None:
        rows.append((what, target, measured, "met" if met else "**not met**"))

    if "engine" in parts:
        mean = parts["engine"]["geometric_mean"]
        what = "model-epochs per second and core against the notebook's loop, geometric mean"
        add(what, f"{RATIO}x", f"{mean:.1f}x", mean >= RATIO)
    if "sweeps" in parts:
        mean = parts["sweeps"]["geometric_mean"]
        what = "a sweep against stock Ray Tune around that loop, geometric mean"
        add(what, f"{SWEEP_RATIO}x", f"{mean:.1f}x", mean >= SWEEP_RATIO)
    if "overhead" in parts:
        most = max(parts["overhead"], key=lambda row: row["trials"])["trials"]
        worst = max(row["ms_per_trial"] for row in parts["overhead"] if row["trials"] == most)
        what = f"wall time of a trial that trains next to nothing, at {most} trials"
        add(what, f"{OVERHEAD_MS} ms", f"{worst:.0f} ms", worst <= OVERHEAD_MS)
    if "lanes" in parts:
        cost = {row["lanes"]: row for row in parts["lanes"] if row["model"] == "simple_cnn k=3"}
        for where, key in (("in the kernels", "ms"), ("in torch's operations", "torch_ms")):
            share = cost[8][key] / cost[1][key]
            what = f"a lane of eight against one alone, simple_cnn k=3, {where}"
            add(what, f"{LANE_SHARE}", f"{share:.2f}", share <= LANE_SHARE)
    if "start" in parts:
        for name, seconds in parts["start"].items():
            add(f"`{name}`", f"{START_S} s", f"{seconds:.2f} s", seconds <= START_S)
    return _table(("", "target", "measured", ""), rows)


def _engine(part: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            row["arm"],
            f"{row['notebook']:.1f}",
            f"{row['ibsweep']:.0f}",
            f"{row['ratio']:.1f}x",
            f"{row['ratio_without_evaluation']:.1f}x",
        )
        for row in part["rows"]
    ]
    head = ("model-epochs a second", "notebook", "ibsweep", "ratio", "of training alone")
    return _table(head, rows)


def _sweeps(part: Mapping[str, Any]) -> list[str]:
    rows = []
    for row in part["rows"]:
        ours = row["ibsweep_seconds_to_stock_best"]
        gain = "" if ours is None else f"{row['stock_seconds_to_best'] / ours:.1f}x"
        rows.append(
            (
                row["arm"],
                f"{row['trials']} x {row['epochs']}",
                f"{row['stock_seconds']:.1f} s",
                f"{row['ibsweep_seconds']:.1f} s",
                f"{row['ratio']:.1f}x",
                f"{row['stock_best']:.1f} %",
                f"{row['stock_seconds_to_best']:.1f} s",
                "not reached" if ours is None else f"{ours:.1f} s",
                gain,
            )
        )
    head = (
        f"a sweep, {part['rows'][0]['replicates']} seeds a configuration",
        *("configurations x epochs", "stock", "ibsweep", "ratio"),
        *("stock's best", "stock reached it after", "ibsweep after", "ratio"),
    )
    return _table(head, rows)


def _overhead(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    head = ("wall time of a trial that trains next to nothing", "sampler", "a trial")
    return _table(
        head,
        (
            (f"{row['trials']} trials", row["sampler"], f"{row['ms_per_trial']:.1f} ms")
            for row in rows
        ),
    )


def _lanes(rows: list[Mapping[str, Any]]) -> list[str]:
    numbers = sorted({row["lanes"] for row in rows})
    table = []
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = {row["lanes"]: row for row in rows if row["model"] == model}
        cells = [f"{mine[n]['ms']:.3f} ({mine[n]['torch_ms']:.2f})" for n in numbers]
        share = max(row["share_of_roof"] for row in mine.values())
        table.append((model, *cells, f"{share:.0%}"))
    head = [f"{number} lanes" if number > 1 else "alone" for number in numbers]
    what = "ms a lane of an SGD step, batch 10 (in torch's operations)"
    return _table((what, *head, "of matrix products"), table)


def _own(rows: list[Mapping[str, Any]]) -> list[str]:
    numbers = sorted({row["lanes"] for row in rows})
    table = []
    for module in dict.fromkeys(row["module"] for row in rows):
        mine = {row["lanes"]: row for row in rows if row["module"] == module}
        cells = [f"{mine[n]['ms']:.3f} ({mine[n]['ratio']:.1f}x)" for n in numbers]
        table.append((module, f"{mine[numbers[0]]['by_hand_ms']:.3f}", *cells))
    head = [f"{number} lanes" if number > 1 else "alone" for number in numbers]
    what = "ms a lane of a step of one's own module, batch 32"
    return _table((what, "by hand", *head), table)
