"""Every source of the catalogue keeps the contract."""

import pytest

from ibsweep.data import SOURCES
from tests.data.contract import EXAMPLES, DatasetContract


def test_every_source_has_an_example():
    assert list(SOURCES) == list(EXAMPLES) == ["edges"]


class TestSources(DatasetContract):
    @pytest.fixture(params=SOURCES)
    def example(self, request):
        return EXAMPLES[request.param]
