"""The benchmark's figures as a picture: the ratios of every arm and sweep, the cost of a lane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

__all__ = ["draw"]


def draw(figures: dict[str, Any], path: Path) -> None:
    """Draw what was measured.

    Args:
        figures: What ``python -m benchmarks --save`` writes as JSON.
        path: File to write; its ending says how.
    """
    parts = figures["parts"]
    drawn: dict[str, Any] = {"engine": _engine, "sweeps": _sweeps, "lanes": _lanes}
    shown = [name for name in drawn if name in parts]
    if not shown:
        return
    figure = Figure(figsize=(5.2 * len(shown), 4.2), layout="constrained")
    for name, axes in zip(shown, figure.subplots(1, len(shown), squeeze=False)[0], strict=True):
        drawn[name](axes, parts[name])
    figure.suptitle(figures["machine"]["processor"], fontsize=9, color="0.4")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _engine(axes: Any, part: dict[str, Any]) -> None:
    _bars(axes, part["rows"], 10)
    axes.set_xlabel("times the notebook's model-epochs per second and core")
    axes.set_title(f"geometric mean over questions: {part['geometric_mean']:.1f}x", fontsize=10)


def _sweeps(axes: Any, part: dict[str, Any]) -> None:
    _bars(axes, part["rows"], 15)
    axes.set_xlabel("times as fast a sweep as stock Ray Tune")
    axes.set_title(f"geometric mean: {part['geometric_mean']:.1f}x", fontsize=10)


def _bars(axes: Any, rows: list[dict[str, Any]], target: float) -> None:
    rows = rows[::-1]
    bars = axes.barh([row["arm"] for row in rows], [row["ratio"] for row in rows], color="C0")
    axes.bar_label(bars, fmt=" %.0fx", fontsize=8)
    axes.axvline(target, color="0.4", linewidth=1, linestyle="--")
    axes.margins(x=0.12)


def _lanes(axes: Any, rows: list[dict[str, Any]]) -> None:
    for i, model in enumerate(dict.fromkeys(row["model"] for row in rows)):
        mine = [row for row in rows if row["model"] == model]
        lanes = [row["lanes"] for row in mine]
        axes.plot(lanes, [row["ms"] for row in mine], f"C{i}o-", label=model, markersize=3)
        axes.plot(lanes, [row["torch_ms"] for row in mine], f"C{i}:", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(lanes, [str(lane) for lane in lanes])
    axes.set_xlabel("lanes")
    axes.set_ylabel("ms a lane of an SGD step, batch 10")
    axes.set_title("dotted: in torch's operations", fontsize=10)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
