"""A pool of examples that exists once: replicates are rows of it, drawn by their seeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibsweep.data.dataset import Examples, ReplicateSets
from ibsweep.data.drawing import drawing_of
from ibsweep.data.faults import DataError, raise_faults
from ibsweep.data.inputs import encode_inputs
from ibsweep.data.scaling import Scaling, fit_images, fit_table
from ibsweep.data.schema import DataSchema
from ibsweep.data.split import Split
from ibsweep.data.targets import encode_targets
from ibsweep.errors import Fault

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Loaded", "PoolDataset"]


@dataclass(frozen=True)
class Loaded:
    """What a source has loaded.

    Attributes:
        parts: By the source's own sets (``train``, ``valid``, ``test``; ``train`` alone where it
            has none): inputs ``[N, ...]``, perhaps a table of pandas, and targets ``[N]``.
        names: Names of the classes, where labels are positions in them.
    """

    parts: Mapping[str, tuple[NDArray[Any] | pd.DataFrame, NDArray[Any]]]
    names: Sequence[str] | None = None


class PoolDataset:
    """A ``Dataset`` whose replicates are resampled from the examples that there are.

    Args:
        document: The data document.
        inputs: As ``Inputs.values``, of all rows.
        targets: As ``Targets.values``.
        about: What else describes them, plain JSON values, as ``load`` makes it.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        inputs: NDArray[Any],
        targets: NDArray[Any],
        about: Mapping[str, Any],
    ) -> None:
        self._inputs, self._targets, self._about = inputs, targets, about
        self.classes: tuple[str, ...] | None = (
            None if about["classes"] is None else tuple(about["classes"])
        )
        split = Split.from_dict(document.get("split"))
        self._drawing = drawing_of(split, about["parts"], targets, self.classes)
        default = "standard" if about["kind"] == "table" else "none"
        self._scale: str = document.get("scale", default)
        if about["kind"] == "sequences" and self._scale != "none":
            text = f"must be none for sequences, but got {self._scale!r}"
            raise DataError([Fault(("scale",), text)])
        self._fitted: tuple[tuple[int, int], Scaling] | None = None
        self.example_shape: tuple[int, ...] = inputs.shape[1:]
        if about["kind"] == "table":
            self.example_shape = (inputs.shape[1] + len(about["missing"]),)
        self.schema = DataSchema(
            source=str(document["from"]),
            example_shape=self.example_shape,
            classes=self.classes,
            train_sizes=self._drawing.train_sizes,
            per=split.per,
            noun="images" if about["kind"] == "images" else "rows",
            rows={"pool": len(self._drawing.pool), "test": len(self._drawing.test)},
            draws="resampling",
            fingerprint=about["fingerprint"],
            largest=self._drawing.largest,
        )

    @classmethod
    def load(cls, document: Mapping[str, Any], loaded: Loaded) -> PoolDataset:
        """Make the dataset of what a source has loaded.

        Raises:
            DataError: With everything that is wrong in the data.
        """
        faults = []
        for name, (x, y) in loaded.parts.items():
            if len(x) != len(y):
                text = f"has {len(x)} examples in {name} and {len(y)} targets: not as many"
                faults.append(Fault(("from",), text))
        raise_faults(faults)
        bounds = np.cumsum([0, *(len(y) for _, y in loaded.parts.values())]).tolist()
        parts = {name: (bounds[i], bounds[i + 1]) for i, name in enumerate(loaded.parts)}
        made: list[Any] = []
        for encode in (
            lambda: encode_inputs(_stacked([x for x, _ in loaded.parts.values()]), document),
            lambda: encode_targets(
                _stacked([y for _, y in loaded.parts.values()]),
                document.get("predict"),
                loaded.names,
            ),
        ):
            try:
                made.append(encode())
            except DataError as error:
                faults += error.faults
        raise_faults(faults)
        inputs, targets = made
        missing: list[int] = []
        if inputs.kind == "table":
            missing = np.flatnonzero(np.isnan(inputs.values).any(axis=0)).tolist()
        about = {
            "classes": targets.classes,
            "kind": inputs.kind,
            "columns": inputs.columns,
            "missing": missing,
            "parts": parts,
        }
        about["fingerprint"] = _fingerprint(document, about, inputs.values, targets.values)
        return cls(document, inputs.values, targets.values, about)

    @classmethod
    def attach(
        cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> PoolDataset:
        """Make the dataset of another process's ``arrays`` again, without copying them."""
        about = json.loads(arrays["about"].tobytes())
        return cls(document, arrays["inputs"], arrays["targets"], about)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that ``attach`` needs: inputs, targets and what else describes them."""
        about = np.frombuffer(json.dumps(self._about).encode(), dtype=np.uint8)
        return {"inputs": self._inputs, "targets": self._targets, "about": about}

    def replicate(self, seed: int, train_size: int) -> ReplicateSets:
        """Draw a replicate's training and validation rows, stratified where there are classes.

        Raises:
            DataError: The pool has fewer rows than that.
        """
        train, valid = self._drawing.replicate(seed, train_size)
        scaling = self._scaling(seed, train_size)
        return ReplicateSets(
            self._examples(train, scaling),
            self._examples(valid, scaling),
            None if scaling is None else self._described(scaling),
        )

    def held_out(self, seed: int, train_size: int) -> Examples:
        """Return the test rows, the same for every seed, scaled as the replicate's others."""
        return self._examples(self._drawing.test, self._scaling(seed, train_size))

    def fingerprint(self) -> str:
        """Return the sha256 of the arrays' bytes, the options and the split."""
        return str(self._about["fingerprint"])

    def _scaling(self, seed: int, train_size: int) -> Scaling | None:
        table = self._about["kind"] == "table"
        if not table and self._scale == "none":
            return None
        if self._fitted is None or self._fitted[0] != (seed, train_size):
            train, _ = self._drawing.replicate(seed, train_size)
            rows = self._inputs[train]
            if table:
                fitted = fit_table(rows, self._about["columns"], self._scale)
            else:
                fitted = fit_images(rows, self._scale)
            self._fitted = ((seed, train_size), fitted)
        return self._fitted[1]

    def _examples(self, rows: NDArray[np.int64], scaling: Scaling | None) -> Examples:
        targets = self._targets[rows]
        if scaling is None:
            return Examples(self._inputs, targets, rows)
        if self._about["kind"] == "table":
            return Examples(scaling.table(self._inputs[rows], self._about["missing"]), targets)
        shift, factor = (v.astype(np.float32)[:, None, None] for v in scaling[:2])
        return Examples(self._inputs, targets, rows, shift, factor)

    def _described(self, scaling: Scaling) -> dict[str, Any]:
        shift, factor = scaling.shift.tolist(), scaling.factor.tolist()
        if scaling.medians is None:
            unit = 255 if self._inputs.dtype == np.uint8 else 1
            return {"scale": self._scale, "divide_by": unit, "shift": shift, "factor": factor}
        columns = []
        for i, column in enumerate(self._about["columns"]):
            one = {k: v for k, v in column.items() if k != "scaled"}
            if "is" not in one:
                one |= {"shift": shift[i], "factor": factor[i]}
            if i in self._about["missing"]:
                one["median"] = scaling.medians[i].item()
            columns.append(one)
        names = [self._about["columns"][i]["name"] for i in self._about["missing"]]
        columns += [{"name": name, "is": None} for name in names]
        return {"scale": self._scale, "columns": columns}


def _stacked(parts: list[Any]) -> Any:
    """Return the parts of a source as one: rows follow each other."""
    if len(parts) == 1:
        return parts[0]
    if not isinstance(parts[0], np.ndarray):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        text = f"has examples of several shapes: {', '.join(map(str, sorted(shapes)))}"
        raise DataError([Fault(("from",), text)])
    return np.concatenate(parts)


def _fingerprint(
    document: Mapping[str, Any],
    about: Mapping[str, Any],
    inputs: NDArray[Any],
    targets: NDArray[Any],
) -> str:
    # Where the data lie is left out: another machine has them elsewhere.
    split = vars(Split.from_dict(document.get("split")))
    content = {"version": 1, **about, "scale": document.get("scale"), "split": split}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for array in (inputs, targets):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
