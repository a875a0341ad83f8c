"""What all models share: a leading axis of lanes, initialisation, export.

A batch is ``[L, B, *shape]``: the shape of one example is ``(C, H, W)`` of an image, ``(D,)`` of a
table's row. Outputs are ``[L, B, K]``: logits of K classes, or one number. Parameters carry the
lane axis first. One lane is the ordinary model: lanes have no implementation of their own. What a
model does in torch's operations is its definition; ``ibsweep.models.backend`` trains the same
faster on the CPU.

Work that does not depend on the weights is done once per data set by ``prepare``: reflect padding
of images, flattening, the features of frozen convolutions. Training in torch's operations gathers
batches from the prepared images and calls ``forward_prepared``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ibsweep.models import backend

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LaneModel"]


class LaneModel(nn.Module):
    """What all models share: lanes, their initialisation and their export."""

    least_batch: int = 1
    """Examples that a training batch must have at least."""

    def __init__(self, lanes: int, outputs: int) -> None:
        super().__init__()
        self.lanes = lanes
        self.outputs = outputs
        self.least_batch = 1
        """Examples that a batch must have at least in training; two where they are compared."""
        self.use_kernels = False
        """Whether the compiled kernels are used where they can be; ``build`` sets it where they
        are faster. They sum in another order than torch: where rounding itself is to be
        reproduced, it must be torch's."""

    def prepare(self, images: Tensor) -> Tensor:
        """Do once what every pass over ``images`` ``[L, N, *shape]`` would repeat."""
        raise NotImplementedError

    def arrange(self, prepared: Tensor) -> Tensor:
        """Copy prepared images ``[L, N, ...]`` into the order in memory that batches want."""
        return prepared

    def runs_in_kernels(self, prepared: Tensor) -> bool:
        """Whether the compiled kernels take the model and its prepared images."""
        return self.use_kernels and backend.available_for(prepared)

    def train_in_kernels(
        self,
        prepared: Tensor,
        labels: Tensor,
        orders: Tensor,
        batch_size: int,
        optimizer: backend.OptimizerState,
    ) -> Tensor:
        """Train E epochs on the cross-entropy in the compiled kernels; parameters and the state
        change in place.

        Args:
            prepared: What ``prepare`` returned.
            labels: ``[L, N]``.
            orders: Positions of the images for each epoch and lane, ``[E, L, N]``.
            batch_size: Images of a mini-batch.
            optimizer: The optimiser of those parameters that are trained, in the model's order.

        Returns:
            The logits before each update, ``[E, L, N, classes]``, in the order trained.

        Raises:
            KernelsUnavailableError: If Numba fails; then nothing has changed.
        """
        raise NotImplementedError

    def forward_prepared(self, prepared: Tensor) -> Tensor:
        """Map prepared images ``[L, B, ...]`` to outputs ``[L, B, K]``."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``[L, B, *shape]`` to outputs ``[L, B, K]``."""
        return self.forward_prepared(self.prepare(images))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Return the activations after every stage, by name, each with the lane axis first."""
        raise NotImplementedError

    def initialise(self, seeds: Sequence[int | torch.Generator]) -> None:
        """Give lane ``i`` the weights of an ordinary module built after
        ``torch.manual_seed(seeds[i])``, or with a generator for a seed, from its next draws.

        The global generator is not touched.
        """
        for lane, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed) if isinstance(seed, int) else seed
            for layer in self.children():  # in the order of construction, as torch draws
                layer.initialise(lane, generator)  # type: ignore[operator]

    def lane_state_dict(self, lane: int) -> dict[str, Tensor]:
        """Return one lane's parameters as an ordinary module's state dict, copied to the CPU."""
        return {
            name: value[lane].detach().cpu().clone() for name, value in self.state_dict().items()
        }
