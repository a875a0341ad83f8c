"""Draw docs/findings.svg from a results directory: ``python docs/findings.py results``."""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

import ibsweep
from ibsweep.analysis import plots
from ibsweep.analysis.evidence import gather
from ibsweep.analysis.report.svg import svg_settings


def main() -> None:
    """Draw what images are worth in q2, and the arms of q7."""
    evidence = gather(ibsweep.load(sys.argv[1]), ["q2", "q7"])
    worth, arms = evidence["q2"], evidence["q7"]
    with svg_settings("findings"):
        figure = Figure(figsize=(11, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        info = plots.efficiency_info(worth.question, worth.efficiency, 95.0, worth.data)
        plots.plot_efficiency(left, info)
        left.set_title("q2: what images are worth, runs that train", loc="left")
        plots.plot_arms(right, plots.arms_info(arms.question, arms.confirmations))
        right.set_title("q7: width and depth, 30 images per class", loc="left", pad=22)
        target = Path(__file__).with_suffix(".svg")
        figure.savefig(target, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
