"""Results that a report can be made of, for all tests that read them."""

from __future__ import annotations

import pytest
import report_results as rows

from ibsweep.analysis.evidence import gather
from ibsweep.analysis.load import load


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    return load(rows.full(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="session")
def evidence(results):
    return gather(results)["duel"]
