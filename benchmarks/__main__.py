"""``python -m benchmarks``: the table of what is fast and how fast, as ratios taken in one run."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import engine

PARTS = ("engine", "lanes", "sweep", "overhead")


def main(words: Sequence[str] | None = None) -> None:
    """Run the parts asked for, print their tables, and save what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="a look, within a few minutes")
    parser.add_argument("--device", default="cpu", help="of lanes: cpu or cuda")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--plot", type=Path, help="where to draw them, .svg or .png")
    arguments = parser.parse_args(words)
    parts = arguments.parts or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    seconds = 0.3 if arguments.quick else 1.5
    figures: dict[str, Any] = {"machine": _machine(), "parts": {}}
    for key, value in figures["machine"].items():
        print(f"{key}: {value}")
    started = time.perf_counter()
    if "engine" in parts:
        figures["parts"]["engine"] = _engine(seconds)
    if "lanes" in parts:
        figures["parts"]["lanes"] = _lanes(seconds, arguments.device)
    if "sweep" in parts:
        figures["parts"]["sweep"] = _sweep(quick=arguments.quick)
    if "overhead" in parts:
        figures["parts"]["overhead"] = _overhead(quick=arguments.quick)
    print(f"\n{time.perf_counter() - started:.0f} s in all")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.plot:
        from benchmarks.plot import draw

        draw(figures, arguments.plot)


def _machine() -> dict[str, Any]:
    rate = engine.matrix_product_rate()
    return {
        "processor": _processor(),
        "torch": torch.__version__,
        "matrix product, one core": f"{rate / 1e9:.0f} GFLOP/s",
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def _engine(seconds: float) -> dict[str, Any]:
    print("\nmodel-epochs per second and core, at the notebook's settings")
    print(f"{'':12}{'notebook':>10}{'ibsweep':>10}{'ratio':>8}{'  of it without evaluation':>26}")
    rows = []
    for row in engine.against_the_notebook(seconds):
        rows.append(row)
        print(
            f"{row['arm']:12}{row['notebook']:10.1f}{row['ibsweep']:10.1f}{row['ratio']:7.1f}x"
            f"{row['ratio_without_evaluation']:25.1f}x"
        )
        sys.stdout.flush()
    mean = engine.geometric_mean(rows)
    print(f"geometric mean over questions: {mean:.1f}x")
    return {"rows": rows, "geometric_mean": mean}


def _lanes(seconds: float, device: str) -> list[dict[str, Any]]:
    print("\nmilliseconds a lane of an SGD step, batch 10 (in torch's operations; share of roof)")
    rows: list[dict[str, Any]] = []
    for row in engine.cost_of_lanes(seconds / 3, device=device):
        if not rows or rows[-1]["model"] != row["model"]:
            print(row["model"])
        rows.append(row)
        print(
            f"  {row['lanes']:3} lanes {row['ms']:8.3f} ({row['torch_ms']:.3f}; "
            f"{row['share_of_roof']:.0%})",
            flush=True,
        )
    return rows


def _sweep(*, quick: bool) -> dict[str, Any]:
    from benchmarks.sweeps import against_stock

    found = against_stock(*((4, 2, 5) if quick else (16, 4, 40)))
    print(
        f"\na sweep of {found['trials']} configurations, {found['replicates']} seeds each, "
        f"{found['epochs']} epochs, no pruning: stock Ray Tune {found['stock_seconds']:.1f} s, "
        f"ibsweep {found['ibsweep_seconds']:.1f} s, {found['ratio']:.1f}x"
    )
    if found["seconds_to_stock_best"] is None:
        print(f"with pruning, stock's best of {found['stock_best']:.1f} % was not reached")
    else:
        print(
            f"with pruning, stock's best of {found['stock_best']:.1f} % was reached after "
            f"{found['seconds_to_stock_best']:.1f} s, {found['ratio_to_stock_best']:.1f}x"
        )
    return found


def _overhead(*, quick: bool) -> list[dict[str, Any]]:
    from benchmarks.sweeps import overhead

    print("\nwall time of a trial that trains for an epoch of 30 images")
    counts = (20, 40) if quick else (100, 1000)
    rows = list(
        overhead(counts)
    )  # all of them first: what is printed inside Ray's session is lost
    for row in rows:
        print(f"  {row['trials']:5} trials, {row['sampler']}: {row['ms_per_trial']:.1f} ms")
    return rows


if __name__ == "__main__":
    main()
