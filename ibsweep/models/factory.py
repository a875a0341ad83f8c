"""``build``, which makes a model of the table with weights of its own in every lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.errors import InputError, suggestion
from ibsweep.models.catalogue import MODELS, Sizes
from ibsweep.models.settings import setting_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ibsweep.models.base import LaneModel

__all__ = ["build", "count_parameters"]


def build(
    name: str,
    seeds: Sequence[int | torch.Generator],
    *,
    num_classes: int | None = None,
    shape: Sequence[int] = (1, 28, 28),
    resolution: int | None = None,
    **options: Any,
) -> LaneModel:
    """Build a model with one lane a seed.

    Lane ``i`` holds exactly the weights that the notebook's module holds after
    ``torch.manual_seed(seeds[i])`` and construction. The global generator is left alone.

    Args:
        name: One of ``MODELS``.
        seeds: One seed a lane, at least one. A generator stands for the global one: weights are
            its next draws.
        num_classes: Number of classes, by default the notebook's for this model; 1 where a number
            is predicted.
        shape: Shape of one example, ``(C, H, W)`` of an image, ``(D,)`` of a table's row.
        resolution: Side of square images of one channel, in pixels, in place of ``shape``.
        **options: The model's options (``MODELS[name].options``); the others keep the notebook's
            defaults.

    Returns:
        The model, on the CPU, in float32.

    Raises:
        InputError: For an unknown model or option, a value out of range, or examples that the
            model cannot take, such as a table's rows or images that are too small.

    Example:
        >>> model = build("wider_cnn", seeds=[10, 11], kernel_size=3)
        >>> model(torch.zeros(2, 4, 1, 28, 28)).shape
        torch.Size([2, 4, 5])
        >>> model = build("two_layer_mlp", seeds=[10], num_classes=1, shape=(13,))
        >>> model(torch.zeros(1, 4, 13)).shape
        torch.Size([1, 4, 1])
    """
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}: {suggestion(name, MODELS)}")
    entry = MODELS[name]
    for option in options:
        if option not in entry.options:
            known = suggestion(option, entry.options)
            raise InputError(f"{name} has no option {option!r}: {known}")
    if faults := setting_faults(name, options):
        raise InputError("\n".join(f"{name}: {fault}" for fault in faults))
    if not seeds or any(isinstance(s, int) and not 0 <= s < 2**63 for s in seeds):
        raise InputError(f"`seeds` must be one or more integers >= 0, but got {list(seeds)}")
    classes = entry.num_classes if num_classes is None else num_classes
    if classes < 1:
        raise InputError(f"`num_classes` must be at least 1, but got {classes}")
    sides = tuple(shape) if resolution is None else (1, resolution, resolution)
    if not sides or any(not isinstance(side, int) or side < 1 for side in sides):
        raise InputError(f"`shape` must be one or more integers > 0, but got {sides}")
    complete = entry.with_defaults(options)
    entry.check(complete, sides)
    model = entry.make(Sizes(len(seeds), classes, sides), complete)
    model.use_kernels = entry.suits_kernels(complete)
    model.initialise(seeds)
    return model


def count_parameters(model: LaneModel, *, only_trainable: bool = False) -> int:
    """Return the number of parameters of one lane, without frozen ones if ``only_trainable``."""
    return sum(
        parameter[0].numel()
        for parameter in model.parameters()
        if parameter.requires_grad or not only_trainable
    )
