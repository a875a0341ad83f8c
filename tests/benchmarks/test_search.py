"""The comparison of samplers: its sweeps can be made, and its table is of what they came to."""

from __future__ import annotations

import pytest

from benchmarks.search import ARMS, WAYS, Row, renew
from ibsweep.sweep.options import SweepOptions


def row(way, seed, best, confirmed):
    return Row(ARMS[0], way, seed, (best - 2, best - 1, best), (10, 20, 40), confirmed, 0.25)


def test_sweeps_of_a_seed_are_compared_in_pairs():
    rows = [row("random", seed, 80 + 5 * seed, 70) for seed in (1, 2, 3)]
    rows += [row("tpe", seed, 82 + 5 * seed, 70 + seed) for seed in (1, 2, 3)]
    rows.append(row("gp", 4, 99, 99))  # there is no random sweep of its seed yet
    text = renew("before\n<!-- measured: python -m benchmarks search --save docs -->old", rows)
    assert text.startswith("before\n<!-- measured")
    assert "old" not in text
    *_, random, tpe = [line for line in text.splitlines() if line.startswith("| q2")]
    cells = [cell.strip() for cell in tpe.split("|")[1:-1]]
    assert cells[:7] == [ARMS[0], "tpe", "3", "90.0", "91.0", "92.0", "+2.0 [+2.0, +2.0]"]
    assert cells[7] == "72.0"
    assert cells[8].startswith("+2.0 [+1.")
    assert cells[9:] == ["25 %", "40"]
    assert [cell.strip() for cell in random.split("|")[1:4]] == [ARMS[0], "random", "3"]


@pytest.mark.parametrize("way", WAYS)
def test_its_flags_are_those_of_sweeps(way):
    assert SweepOptions(**WAYS[way]).sampler == way.partition(",")[0]
