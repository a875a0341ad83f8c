"""The global generators of Python, NumPy and torch, which a training function may draw from."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Generators", "seed_generators", "short_seed"]


def seed_generators(seed: int) -> None:
    """Seed all of them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)  # those of GPUs too


def short_seed(seed: int) -> int:
    """Return a replicate's seed as a training function is given it.

    NumPy's ``RandomState``, and so scikit-learn's ``random_state``, take 32 bits, other libraries
    31: a longer one becomes 31 bits that depend on all of its own.
    """
    if seed < 2**32:
        return seed
    return int(np.random.SeedSequence(seed).generate_state(1)[0]) >> 1


def _uses_gpus() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Generators:
    """The states of all of them, of GPUs too where torch has begun to use these."""

    python: tuple[Any, ...]
    numpy: tuple[Any, ...]
    cpu: Tensor
    gpus: tuple[Tensor, ...]

    @classmethod
    def now(cls) -> Generators:
        """Return the states as they are."""
        gpus = torch.cuda.get_rng_state_all() if _uses_gpus() else []
        numpy: Any = np.random.get_state()
        return cls(random.getstate(), numpy, torch.get_rng_state(), tuple(gpus))

    def restore(self) -> None:
        """Set the generators to these states."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.gpus:
            torch.cuda.set_rng_state_all(list(self.gpus))

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain values, for ``torch.load`` with ``weights_only``."""
        name, keys, position, has_gauss, gauss = self.numpy
        return {
            "python": [self.python[0], list(self.python[1]), self.python[2]],
            "numpy": [
                name,
                torch.from_numpy(keys.astype(np.int64)),
                int(position),
                int(has_gauss),
                float(gauss),
            ],
            "cpu": self.cpu,
            "gpus": list(self.gpus),
        }

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> Generators:
        """Return the states that ``state_dict`` wrote."""
        version, internal, gauss = state["python"]
        name, keys, *rest = state["numpy"]
        return cls(
            (version, tuple(internal), gauss),
            (name, keys.numpy().astype(np.uint32), *rest),
            state["cpu"],
            tuple(state["gpus"]),
        )
