"""Files of weights: whether they are whole, told without torch.

``torch.save`` writes a zip archive, whose parts have checksums of their own.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from ibsweep.analysis.best_file import read_best
from ibsweep.results.damage import Damage
from ibsweep.results.extent import resume_words
from ibsweep.results.reading import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibsweep.results.store import SweepStore

__all__ = ["weights_damage", "weights_fault"]


def weights_fault(path: Path) -> str | None:
    """Return why the weights in a file cannot be had, None where they can."""
    try:
        with zipfile.ZipFile(io.BytesIO(read_file(path))) as archive:
            wrong = archive.testzip()
    except FileNotFoundError:
        return "is not there"
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    except (zipfile.BadZipFile, zlib.error, struct.error):
        return "is damaged"
    except (ValueError, RuntimeError, EOFError, KeyError):  # what damaged headers ask for
        return "is damaged"
    return None if wrong is None else "is damaged"


def weights_damage(store: SweepStore) -> Iterator[Damage]:
    """Yield what is wrong with a sweep's files of weights; no figure comes from them."""
    paths, whole = store.paths, set()
    for path in sorted(paths.models.glob("*.pt")):
        if fault := weights_fault(path):
            yield Damage(path, None, f"{fault}: the weights are lost, the figures are not", "none")
        else:
            whole.add(path)
    document = read_best(paths.best_config) if paths.best_config.exists() else None
    if not isinstance(document, dict) or not isinstance(document.get("trial"), int):
        return
    kept = paths.model(document["trial"]) in whole
    fault = weights_fault(paths.best_model)
    if fault and (kept or os.path.lexists(paths.best_model)):  # not all that predicts has weights
        words = f"; {resume_words(store)} writes it anew from the models" if kept else ""
        yield Damage(paths.best_model, None, f"{fault}{words}", "none")
