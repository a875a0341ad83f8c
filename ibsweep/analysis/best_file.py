"""Reading ``best.yaml``, which ibsweep writes and anybody can have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ibsweep.results.reading import read_file

__all__ = ["read_best"]

_MAX_BYTES = 1_000_000


def read_best(path: Path) -> dict[str, Any] | str:
    """Return what a sweep's ``best.yaml`` holds, or why it cannot be read.

    In C, as every sweep that is loaded has one; what users write is read by ``read_yaml``.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = read_file(path)
        if len(content) > _MAX_BYTES:
            return f"is larger than {_MAX_BYTES:,} bytes"
        document = yaml.load(content, loader)
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    except RecursionError:
        return "is nested too deeply"
    except (yaml.YAMLError, ValueError) as error:
        return f"is no YAML ({' '.join(str(error).split())[:80]})"
    if document is None:
        return "is empty"
    return document if isinstance(document, dict) else "holds no mapping"
