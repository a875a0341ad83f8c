"""What a module keeps in plain attributes: counters, flags, tensors that are no buffers."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["PythonState"]


class PythonState:
    """Watches the plain attributes of a module and of those within it.

    Args:
        module: The module, as it was just built.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.before = _attributes(module)

    def changed(self) -> dict[str, Any]:
        """Return what has changed since, by dotted name, as plain JSON."""
        now = _attributes(self.module)
        return {
            name: json.loads(text) for name, text in now.items() if self.before.get(name) != text
        }

    def restore(self, changed: dict[str, Any]) -> None:
        """Set attributes to what ``changed`` returned."""
        for name, value in changed.items():
            owner, _, leaf = name.rpartition(".")
            if isinstance(value, dict) and "tensor" in value:
                value = torch.tensor(value["tensor"], dtype=getattr(torch, value["dtype"]))
            setattr(self.module.get_submodule(owner), leaf, value)


def _attributes(module: nn.Module) -> dict[str, str]:
    found = {}
    for path, each in module.named_modules():
        for name, value in vars(each).items():
            if name.startswith("_") or name == "training":
                continue
            text = _text(value)
            if text is not None:
                found[f"{path}.{name}" if path else name] = text
    return found


def _text(value: Any) -> str | None:
    """Return a plain value as JSON; None for anything else."""
    if isinstance(value, Tensor):
        if torch._C._functorch.is_batchedtensor(value):
            return '"a tensor of several lanes"'
        dtype = str(value.dtype).removeprefix("torch.")
        return json.dumps({"tensor": value.detach().cpu().tolist(), "dtype": dtype})
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        with contextlib.suppress(TypeError, ValueError):
            return json.dumps(value)
    return None
