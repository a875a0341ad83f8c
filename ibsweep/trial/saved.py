"""Tensors as the bytes of a file that ``torch.load`` reads."""

from __future__ import annotations

import io
from typing import Any

import torch

__all__ = ["tensor_bytes"]


def tensor_bytes(value: Any) -> bytes:
    """Return what ``torch.save`` writes of a value."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()
