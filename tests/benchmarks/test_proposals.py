"""The measurement of what a proposal costs."""

from __future__ import annotations

from benchmarks.proposals import cost_of_proposals


def test_the_cost_of_a_proposal_is_measured():
    rows = list(cost_of_proposals((5, 12), draws=2))
    assert [row["trials"] for row in rows] == [5, 12]
    assert all(row["ms"] > 0 and row["ms_of_all"] > 0 and row["resume"] > 0 for row in rows)
