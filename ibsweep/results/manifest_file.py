"""The file ``manifest.json``: written with its checksum, and read by it.

The rows are only as good as the manifest that says what they are of: a digit of it that is
another one may turn a verdict. A manifest that a user has changed on purpose counts once its line
``check`` is removed; the next command that writes it seals it again.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ibsweep.errors import InputError
from ibsweep.results.layout import FORMAT, READABLE_FORMATS, SweepPaths
from ibsweep.results.manifest import Manifest
from ibsweep.results.names import check_name
from ibsweep.results.reading import first_fault, read_file

__all__ = ["manifest_bytes", "read_manifest"]

_CHECK = "check"


class _Format(BaseModel):
    """The one field of a manifest that every version has."""

    format: int


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the content of a manifest's file, with its checksum as the last line."""
    document = json.loads(manifest.model_dump_json())
    document[_CHECK] = _checksum(document)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read_manifest(root: Path) -> Manifest:
    """Read the manifest in a sweep's directory.

    Raises:
        InputError: If there is none, it is damaged, or of another version.
    """
    path = SweepPaths(root).manifest
    try:
        text = read_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{root} is no sweep: it has no manifest.json") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read: {reason}") from error
    try:
        found = _Format.model_validate_json(text)
        if found.format not in READABLE_FORMATS:
            raise InputError(
                f"{root} was written in format {found.format}, this ibsweep reads format "
                f"{FORMAT}: use the version that wrote it, which its manifest names, or start a "
                "new sweep"
            )
        document = json.loads(text)
        check = document.pop(_CHECK, None)
        manifest = Manifest.model_validate(document)
        check_name(manifest.name)
        if check is not None and check != _checksum(document):
            raise InputError(
                f"{path} is not what was written, its checksum is wrong: put a copy of it back; "
                f"if you have changed it yourself, remove its line {_CHECK!r} to have it count"
            )
    except ValidationError as error:
        raise InputError(f"{path} is damaged: {first_fault(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: it is no JSON document") from error
    return manifest


def _checksum(document: dict[str, Any]) -> str:
    """Return the CRC-32 of a document, however its lines are broken and its keys are sorted."""
    return f"{zlib.crc32(json.dumps(document, sort_keys=True).encode()):08x}"
