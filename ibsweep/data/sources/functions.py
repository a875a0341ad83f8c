"""Functions that return data: the user's own, and those of any package."""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ibsweep import user_code
from ibsweep.data.columns import target_column
from ibsweep.data.faults import DataError, raise_faults
from ibsweep.data.options import FUNCTIONS
from ibsweep.data.pool import Loaded
from ibsweep.data.sources.npz import by_part
from ibsweep.errors import Fault, InputError, format_value

__all__ = ["load"]

_FORMS = (
    "(x, y), a mapping of splits such as {'train': (x, y), 'test': (x, y)}, what scikit-learn's "
    "loaders return, or a table of pandas with `target` in the question's data"
)
_PARTS = {name: name for name in ("train", "valid", "test")}
_PARTS |= {"validation": "valid", "val": "valid"}


def load(document: Mapping[str, Any], folder: Path | None) -> Loaded:
    """Call the function that a document names, with its other options as arguments.

    Raises:
        DataError: There is no such function, it takes other arguments, it fails, or it returns
            something else.
    """
    reference = document["from"]
    try:
        function = user_code.load(reference, folder)
    except InputError as error:
        raise DataError([Fault(("from",), str(error))]) from error
    if not callable(function):
        text = f"{reference} must be a function, but got {format_value(function)}"
        raise DataError([Fault(("from",), text)])
    ours = ("from", "split", *FUNCTIONS)
    arguments = {key: value for key, value in document.items() if key not in ours}
    raise_faults(_argument_faults(reference, function, arguments))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            returned = function(**arguments)
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}: `{where.line}`"
        text = f"{reference} fails: {place}: {type(error).__name__}: {error}"
        raise DataError([Fault(("from",), text)]) from error
    try:
        return _loaded(returned, document)
    except DataError:
        raise
    except (TypeError, ValueError) as error:
        text = f"{reference} must return {_FORMS}: {error}"
        raise DataError([Fault(("from",), text)]) from error


def _argument_faults(reference: str, function: Any, arguments: Mapping[str, Any]) -> list[Fault]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []  # a function in C without one
    parameters = signature.parameters.values()
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    shown = f"{reference.split(':')[1]}{signature}"
    faults = [
        Fault((key,), f"is neither an option of data nor an argument of {shown}")
        for key in arguments
        if key not in named and not any_name
    ]
    return faults + [
        Fault((name,), f"is missing: {shown} needs it")
        for name, p in named.items()
        if p.default is p.empty and name not in arguments
    ]


def _loaded(returned: Any, document: Mapping[str, Any]) -> Loaded:
    if _is_frame(returned):
        inputs, target = target_column(returned, document)
        return Loaded({"train": (inputs, target.to_numpy())})
    if isinstance(returned, Mapping):
        if "data" in returned and "target" in returned:
            return _bunch(returned, document)
        if returned and all(name in _PARTS for name in returned):
            parts = {_PARTS[name]: _pair(value) for name, value in returned.items()}
            if "train" not in parts:
                raise ValueError("it has no 'train'")
            order = [name for name in ("train", "valid", "test") if name in parts]
            return Loaded({name: parts[name] for name in order})
        named = {name: _array(value) for name, value in returned.items()}
        return Loaded(by_part(named, document["from"]))
    if isinstance(returned, tuple | list) and len(returned) == 2:
        first, second = returned
        if _is_pair(first) and _is_pair(second):
            return Loaded({"train": _pair(first), "test": _pair(second)})
        return Loaded({"train": _pair(returned)})
    raise ValueError(f"but got {type(returned).__name__}")


def _bunch(bunch: Mapping[str, Any], document: Mapping[str, Any]) -> Loaded:
    """Return what scikit-learn's loaders return; pictures as such, where it has them."""
    inputs, names = bunch["data"], bunch.get("target_names")
    pictures = bunch.get("images")
    as_pictures = document.get("kind", "images") == "images" and "shape" not in document
    if as_pictures and isinstance(pictures, np.ndarray) and len(pictures) == len(inputs):
        inputs = pictures
    if names is not None:
        names = [str(name) for name in names]
        if len(set(names)) < len(names):
            raise DataError([Fault(("from",), f"has a class twice in target_names: {names}")])
    return Loaded({"train": (_array(inputs), _array(bunch["target"], target=True))}, names)


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"a split is (x, y), but got {type(value).__name__}")
    return _array(value[0]), _array(value[1], target=True)


def _is_frame(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "columns")


def _is_pair(value: Any) -> bool:
    """Whether a value is ``(x, y)``, and no list of two numbers."""
    return isinstance(value, tuple | list) and len(value) == 2 and hasattr(value[0], "__array__")


def _array(value: Any, *, target: bool = False) -> Any:
    if _is_frame(value) and not target:
        return value.reset_index(drop=True)
    if hasattr(value, "toarray"):
        value = value.toarray()  # scipy's sparse matrices
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    if array.ndim == 0:
        raise ValueError(f"but got {format_value(value)} in place of an array")
    return array
