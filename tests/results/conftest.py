"""What the tests of results at a URL share."""

from __future__ import annotations

import pytest


@pytest.fixture
def there(tmp_path):
    """The folder that stands for the bucket."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder
