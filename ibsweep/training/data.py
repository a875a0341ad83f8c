"""What a split's lanes are trained or scored on: tensors of their own, or rows of a shared pool.

Notation:
    L: lanes, N: examples of a lane, B: examples of a batch, M: examples of the pool

A generator draws every lane examples of its own. A pool of, say, 60,000 images exists once for
all lanes and splits: a lane is a list of rows, and a batch is gathered when its turn comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LaneData"]


@dataclass(frozen=True)
class LaneData:
    """Examples and targets of one split, a lane for every replicate.

    The value of an example is ``(float32(input) - shift) * factor``; uint8 inputs are divided by
    255 first, as torchvision's ToTensor does.

    Attributes:
        inputs: ``[L, N, *shape]``; where there are ``rows``, the pool ``[M, *shape]``. uint8 or
            float32.
        targets: ``[L, N]``: int64 positions among the classes, or float32 numbers.
        rows: Which examples of the pool each lane has, int64 ``[L, N]``.
        shift: What is subtracted, a lane each: ``[L, ...]``, where ``...`` broadcasts to the shape
            of an example.
        factor: By what the difference is multiplied, likewise.

    Example:
        >>> pool = torch.tensor([[0], [51], [255]], dtype=torch.uint8)
        >>> rows = torch.tensor([[0, 2], [1, 1]])
        >>> data = LaneData(pool, torch.tensor([[0, 1], [1, 1]]), rows)
        >>> data.batch(torch.tensor([[1], [0]])).tolist()
        [[[1.0]], [[0.20000000298023224]]]
    """

    inputs: Tensor
    targets: Tensor
    rows: Tensor | None = None
    shift: Tensor | None = None
    factor: Tensor | None = None

    @property
    def lanes(self) -> int:
        """The number of lanes."""
        return self.targets.shape[0]

    @property
    def count(self) -> int:
        """The number of examples of each lane."""
        return self.targets.shape[1]

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.inputs.shape[1 if self.rows is not None else 2 :])

    @property
    def example_bytes(self) -> int:
        """The memory that one example takes as float32."""
        return 4 * math.prod(self.example_shape)

    @property
    def ready(self) -> bool:
        """Whether the inputs are ``[L, N, *shape]`` already as a model takes them."""
        return (
            self.rows is None
            and self.inputs.dtype != torch.uint8
            and self.shift is None
            and self.factor is None
        )

    def batch(self, positions: Tensor) -> Tensor:
        """Gather examples as a model takes them.

        Args:
            positions: Positions among each lane's examples, int64 ``[L, B]``.

        Returns:
            ``[L, B, *shape]``, float32 unless the inputs are of another floating type.
        """
        if self.rows is not None:
            rows = self.rows.gather(1, positions)
            picked = self.inputs.index_select(0, rows.flatten()).view(
                *rows.shape, *self.example_shape
            )
        else:
            lanes = torch.arange(self.lanes, device=positions.device).unsqueeze(1)
            picked = self.inputs[lanes, positions]
        return self._scaled(picked)

    def part(self, start: int, stop: int) -> Tensor:
        """Return the examples from position ``start`` on to before ``stop``, as ``batch`` does."""
        if self.rows is None:
            return self._scaled(self.inputs[:, start:stop])
        stop = min(stop, self.count)
        positions = torch.arange(start, stop, device=self.targets.device)
        return self.batch(positions.expand(self.lanes, -1))

    def made_ready(self, most_bytes: int) -> LaneData:
        """Return the same data with inputs that a model takes as they are.

        Args:
            most_bytes: Memory that they may take; where they would take more, nothing is done.
        """
        if self.ready or self.lanes * self.count * self.example_bytes > most_bytes:
            return self
        return LaneData(self.part(0, self.count), self.targets)

    def to(self, device: str | torch.device) -> LaneData:
        """Return it with all tensors on a device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)

    def of(self, lanes: Sequence[int]) -> LaneData:
        """Return it with some of the lanes alone, in the order given."""
        chosen = list(lanes)
        some = {
            name: value[chosen]
            for name, value in vars(self).items()
            if value is not None and (name != "inputs" or self.rows is None)
        }
        return replace(self, **some)

    def _scaled(self, picked: Tensor) -> Tensor:
        """Turn inputs ``[L, B, *shape]`` into values."""
        if picked.dtype == torch.uint8:
            picked = picked.to(torch.float32).div_(255)
        if self.shift is not None:
            picked = picked - self._by_lane(self.shift)
        if self.factor is not None:
            picked = picked * self._by_lane(self.factor)
        return picked

    def _by_lane(self, value: Tensor) -> Tensor:
        """Shape ``[L, ...]`` so that it broadcasts to ``[L, B, *shape]``."""
        missing = len(self.example_shape) - (value.dim() - 1)
        return value.view(value.shape[0], 1, *[1] * missing, *value.shape[1:])
