"""``python -m benchmarks``: the table of what is fast and how fast, as ratios taken in one run."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import engine, own
from benchmarks.proposals import cost_of_proposals
from benchmarks.report import save
from ibsweep.gc_control import freeze_imports
from ibsweep.sweep.environment import cpu_info, processor_name

PARTS = ("engine", "lanes", "own", "sweeps", "overhead", "start")
ASKED_FOR = ("calibration", "proposals", "search")
"""Parts that are run where they are named: what they find are no speeds of a machine."""


def main(words: Sequence[str] | None = None) -> None:
    """Run the parts asked for, print their tables, and save what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"some of {', '.join(PARTS)} (default: all), or {', '.join(ASKED_FOR)}",
    )
    parser.add_argument("--quick", action="store_true", help="a look, within a few minutes")
    parser.add_argument("--device", default="cpu", help="of lanes and own: cpu or cuda")
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FOLDER",
        help="write benchmark.json and benchmark.svg there and renew the tables of "
        "benchmarks.md; parts that were not run stay as they were measured, where too; of "
        "calibration, calibration.json and the tables of calibration.md",
    )
    parser.add_argument(
        "--populations",
        type=Path,
        metavar="FOLDER",
        help="of calibration: where the configurations are on which sweeps are replayed; those "
        "that are missing are trained, all of them within an hour; default: those that come along",
    )
    parser.add_argument(
        "--sweeps",
        type=Path,
        default=Path("search-sweeps"),
        metavar="FOLDER",
        help="of search: where its sweeps are kept, 400 of 40 trials, about two hours on two "
        "cores; begun again it goes on from there",
    )
    arguments = parser.parse_args(words)
    parts = arguments.parts or list(PARTS)
    if unknown := [part for part in parts if part not in (*PARTS, *ASKED_FOR)]:
        parser.error(f"no part {unknown[0]!r}: choose from {', '.join((*PARTS, *ASKED_FOR))}")
    seconds = 0.3 if arguments.quick else 1.2
    machine = _machine()
    found: dict[str, Any] = {}
    for key, value in machine.items():
        print(f"{key}: {value}")
    started = time.perf_counter()
    if "engine" in parts:
        found["engine"] = _engine(seconds)
    if "lanes" in parts:
        found["lanes"] = _lanes(seconds, arguments.device)
    if "own" in parts:
        found["own"] = _own(seconds / 2, arguments.device)
    if "sweeps" in parts:
        found["sweeps"] = _sweeps(quick=arguments.quick)
    if "overhead" in parts:
        found["overhead"] = _overhead(quick=arguments.quick)
    if "start" in parts:
        found["start"] = _start()
    if "calibration" in parts:
        _calibration(arguments.save, arguments.populations, quick=arguments.quick)
    if "proposals" in parts:
        _proposals(quick=arguments.quick)
    if "search" in parts:
        _search(arguments.save, arguments.sweeps, quick=arguments.quick)
    print(f"\n{time.perf_counter() - started:.0f} s in all")
    if arguments.save and found:
        save(arguments.save, machine, found)


def _proposals(*, quick: bool) -> None:
    print("\nmilliseconds of CPU that a proposal of TPE takes, in the space of q7_wider")
    print(f"{'trials':>8}{'ibsweep':>10}{'if all were looked at':>24}{'resuming, s':>14}")
    for row in cost_of_proposals((100, 300, 1000) if quick else (100, 1000, 3000, 10_000)):
        ratio = f"{row['ms_of_all']:.1f} ({row['ms_of_all'] / row['ms']:.1f}x)"
        print(
            f"{row['trials']:8,}{row['ms']:10.1f}{ratio:>24}{row['resume']:14.2f}",
            flush=True,
        )


def _machine() -> dict[str, Any]:
    torch.set_num_threads(1)
    rate = engine.matrix_product_rate()
    return {
        "processor": f"{processor_name()}, {os.cpu_count()} cores",
        "vectors": _vectors(),
        "torch": torch.__version__,
        "matrix product, one core": f"{rate / 1e9:.0f} GFLOP/s",
    }


def _vectors() -> str:
    flags = cpu_info("flags").split()
    names = {"avx512f": "AVX-512", "avx2": "AVX2"}
    return next((name for flag, name in names.items() if flag in flags), "unknown")


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


def _own(seconds: float, device: str) -> list[dict[str, Any]]:
    print("\nmilliseconds a lane of a step of a module of one's own, batch 32 (speed-up)")
    rows: list[dict[str, Any]] = []
    for row in own.against_by_hand(seconds, device=device):
        if not rows or rows[-1]["module"] != row["module"]:
            print(f"{row['module']}, by hand {row['by_hand_ms']:.3f}")
        rows.append(row)
        print(f"  {row['lanes']:3} lanes {row['ms']:8.3f} ({row['ratio']:.1f}x)", flush=True)
    return rows


def _sweeps(*, quick: bool) -> dict[str, Any]:
    from benchmarks.sweeps import against_stock

    # all of them first: what is printed inside Ray's session is lost
    rows = list(against_stock(2, share=6) if quick else against_stock(4))
    print(f"\nsweeps with {rows[0]['replicates']} seeds a configuration, no pruning")
    print(
        f"{'':10}{'trials':>8}{'epochs':>8}{'stock':>9}{'ibsweep':>10}{'ratio':>8}"
        "   to stock's best accuracy"
    )
    for row in rows:
        ours = row["ibsweep_seconds_to_stock_best"]
        print(
            f"{row['arm']:10}{row['trials']:8}{row['epochs']:8}"
            f"{row['stock_seconds']:7.1f} s{row['ibsweep_seconds']:8.1f} s"
            f"{row['ratio']:7.1f}x   {row['stock_best']:.1f} %: stock "
            f"{row['stock_seconds_to_best']:.1f} s, ibsweep "
            f"{'not reached' if ours is None else f'{ours:.1f} s'}"
        )
    mean = statistics.geometric_mean(row["ratio"] for row in rows)
    print(f"geometric mean: {mean:.1f}x")
    return {"rows": rows, "geometric_mean": mean}


def _calibration(folder: Path | None, populations: Path | None, *, quick: bool) -> None:
    from rich.console import Console

    from benchmarks.calibration import tables
    from benchmarks.calibration.populations import FOLDER, SIZES, build
    from benchmarks.calibration.replay import replayed
    from benchmarks.calibration.simulated import simulated

    built = [build(arm, *size, populations or FOLDER) for arm, size in SIZES.items()]
    rows = [*simulated(quick), *replayed(built, 30 if quick else 1000)]
    tables.show(rows, Console())
    if folder:
        tables.save(folder, rows)


def _search(folder: Path | None, sweeps: Path, *, quick: bool) -> None:
    from benchmarks import search

    rows = list(search.compared(sweeps, range(1, 3) if quick else range(1, 21)))
    print(search.renew("", rows))
    if folder:
        search.save(folder, rows)


def _overhead(*, quick: bool) -> list[dict[str, Any]]:
    from benchmarks.sweeps import overhead

    print("\nwall time of a trial that trains for an epoch of 30 images")
    rows = list(overhead((20, 40) if quick else (100, 1000)))
    for row in rows:
        print(f"  {row['trials']:5} trials, {row['sampler']}: {row['ms_per_trial']:.1f} ms")
    return rows


def _start() -> dict[str, float]:
    """Return the seconds of the shortest of five imports and calls for help."""
    print("\nseconds until ibsweep is there")
    found = {}
    for name, words in (
        ("import ibsweep", ["-c", "import ibsweep"]),
        ("ibsweep --help", ["-m", "ibsweep", "--help"]),
    ):
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
        found[name] = min(seconds)
        print(f"  {name:16}{found[name]:.2f} s")
    return found


if __name__ == "__main__":
    freeze_imports()  # as the command does
    main()
