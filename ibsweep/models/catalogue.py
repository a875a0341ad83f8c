"""The six models by name, and ``build``; their options stand in ``ibsweep.models.settings``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ibsweep.errors import InputError, suggestion
from ibsweep.models.base import LaneModel
from ibsweep.models.convnet import ConvNet
from ibsweep.models.edge_detectors import freeze_convolutions, set_edge_detectors
from ibsweep.models.mlp import MLP
from ibsweep.models.settings import MODEL_OPTIONS, setting_faults

__all__ = ["MODELS", "ModelSpec", "build", "count_parameters"]

Options = Mapping[str, Any]


@dataclass(frozen=True)
class ModelSpec:
    """One model family.

    Attributes:
        num_classes: The notebook's default number of classes.
        make: Called with lanes, num_classes, resolution (pixels) and a value for every option.
    """

    num_classes: int
    make: Callable[[int, int, int, Options], LaneModel]


def _make_cnn(head: str) -> Callable[[int, int, int, Options], LaneModel]:
    def make(lanes: int, num_classes: int, resolution: int, options: Options) -> LaneModel:
        depth = options.get("num_layers", 2)
        _check_sizes(resolution, options["kernel_size"], depth, reflect=True)
        return ConvNet(
            lanes,
            num_classes,
            widths=[options["num_filters"]] * depth,
            kernel_size=options["kernel_size"],
            pooling=options["pooling"],
            head=head,
        )

    return make


def _make_three_layer_cnn(
    lanes: int, num_classes: int, resolution: int, options: Options
) -> LaneModel:
    filters, kernel_size = options["num_filters"], options["kernel_size"]
    _check_sizes(resolution, kernel_size, 2, reflect=False)
    return ConvNet(
        lanes,
        num_classes,
        widths=[filters, 2 * filters],
        kernel_size=kernel_size,
        padding_mode="constant",
        pooling=None,
        head="fc1",
    )


def _make_mlp(lanes: int, num_classes: int, resolution: int, options: Options) -> LaneModel:
    # the widths are all the options that an MLP has, in the order of its layers
    return MLP(lanes, num_classes, in_features=resolution**2, hidden_dims=list(options.values()))


def _check_sizes(resolution: int, kernel_size: int, depth: int, *, reflect: bool) -> None:
    """Refuse kernels that the shrinking image cannot hold, before torch does in its own words."""
    padding = (kernel_size - 1) // 2
    side = resolution
    for layer in range(1, depth + 1):
        if (reflect and padding >= side) or side + 2 * padding < kernel_size:
            raise InputError(
                f"kernel_size={kernel_size} is too large for images of {resolution} pixels: "
                f"convolution {layer} sees {side} pixels; choose a smaller kernel"
            )
        side += 2 * padding - kernel_size + 1
        if reflect and layer == depth // 2:
            side //= 2


MODELS: Mapping[str, ModelSpec] = {
    "simple_cnn": ModelSpec(3, _make_cnn("fc")),
    "wider_cnn": ModelSpec(5, _make_cnn("fc")),
    "deeper_cnn": ModelSpec(5, _make_cnn("fc1")),
    "three_layer_cnn": ModelSpec(4, _make_three_layer_cnn),
    "two_layer_mlp": ModelSpec(3, _make_mlp),
    "three_layer_mlp": ModelSpec(3, _make_mlp),
}


def build(
    name: str,
    seeds: Sequence[int | torch.Generator],
    *,
    num_classes: int | None = None,
    resolution: int = 28,
    **options: Any,
) -> LaneModel:
    """Build a model with one lane a seed.

    Lane ``i`` holds exactly the weights that the notebook's module holds after
    ``torch.manual_seed(seeds[i])`` and construction. The global generator is left alone.

    Args:
        name: One of ``MODELS``.
        seeds: One seed a lane, at least one. A generator stands for the global one: weights are
            its next draws.
        num_classes: Number of classes; by default the notebook's for this model.
        resolution: Side of the square images, in pixels.
        **options: The model's options (``ibsweep.models.settings.MODEL_OPTIONS``); the rest keeps
            the notebook's defaults.

    Returns:
        The model, on the CPU, in float32.

    Raises:
        InputError: For an unknown model or option, or a value out of range.

    Example:
        >>> model = build("wider_cnn", seeds=[10, 11], kernel_size=3)
        >>> model(torch.zeros(2, 4, 1, 28, 28)).shape
        torch.Size([2, 4, 5])
    """
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}: {suggestion(name, MODELS)}")
    known = MODEL_OPTIONS[name]
    for option in options:
        if option not in known:
            raise InputError(f"{name} has no option {option!r}: {suggestion(option, known)}")
    if faults := setting_faults(name, options):
        raise InputError("\n".join(f"{name}: {fault}" for fault in faults))
    if not seeds or any(isinstance(s, int) and not 0 <= s < 2**63 for s in seeds):
        raise InputError(f"`seeds` must be one or more integers >= 0, but got {list(seeds)}")
    chosen = {
        option: options.get(option, parameter.default) for option, parameter in known.items()
    }
    spec = MODELS[name]
    classes = spec.num_classes if num_classes is None else num_classes
    if classes < 1:
        raise InputError(f"`num_classes` must be at least 1, but got {classes}")
    model = spec.make(len(seeds), classes, resolution, chosen)
    model.initialise(seeds)
    if isinstance(model, ConvNet):
        if chosen.get("conv_init") == "edge_detector":
            set_edge_detectors(model)
        if chosen.get("freeze_conv"):
            freeze_convolutions(model)
    return model


def count_parameters(model: LaneModel, *, only_trainable: bool = False) -> int:
    """Return the number of parameters of one lane, without frozen ones if ``only_trainable``."""
    return sum(
        parameter[0].numel()
        for parameter in model.parameters()
        if parameter.requires_grad or not only_trainable
    )
