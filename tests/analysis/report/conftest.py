"""The page of the results that all tests share."""

from __future__ import annotations

import pytest
import report_results as rows


@pytest.fixture(scope="session")
def page(results, tmp_path_factory):
    written = rows.write_report(results, tmp_path_factory.mktemp("pages"))
    assert [path.name for path in written] == ["index.html", "duel.html"]
    return written[1].read_text("utf-8")
