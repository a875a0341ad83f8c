"""The table of models: all that is particular to one of them stands in its entry here.

Free of torch until a model is made, so that question files are checked without it. A new model is
one more entry, and where it is of a new family, a module like ``convnet`` or ``mlp``.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ibsweep.models.convolution_rules import (
    check_edge_detectors,
    check_kernel_size,
    convolution_parameters,
)
from ibsweep.models.hyperparameters import Choice, Hyperparameter, Number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ibsweep.models.base import LaneModel

__all__ = ["MODELS", "Family", "ModelEntry", "Sizes"]

Options = dict[str, Any]  # a value for every option of the model
Family = Literal["cnn", "mlp"]


class Sizes(NamedTuple):
    """The sizes that a model is made for.

    Attributes:
        lanes: Number of lanes.
        outputs: Number of classes; 1 where a number is predicted.
        shape: Shape of one example, ``(C, H, W)`` of an image, ``(D,)`` of a table's row.
    """

    lanes: int
    outputs: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelEntry:
    """One model of the table.

    Attributes:
        family: What kind of network it is; figures colour arms by it.
        num_classes: The notebook's default number of classes.
        options: Its hyperparameters, with the notebook's defaults.
        check: Raises InputError where the model, of a value for every option, cannot be made for
            examples of a shape.
        checked: The options that ``check`` looks at.
        parameters: Number of one lane's parameters, of a value for every option, the shape of an
            example and the number of outputs.
        make: Makes the model, its weights not yet drawn, of a value for every option.
        suits_kernels: Whether the compiled kernels train it faster than torch's operations do, of
            a value for every option.
        cost: About how long an image takes in training, one of the notebook's MLP being 1.
    """

    family: Family
    num_classes: int
    options: Mapping[str, Hyperparameter]
    check: Callable[[Options, tuple[int, ...]], None]
    checked: tuple[str, ...]
    parameters: Callable[[Options, tuple[int, ...], int], int]
    make: Callable[[Sizes, Options], LaneModel]
    suits_kernels: Callable[[Options], bool]
    cost: float

    def with_defaults(self, options: Mapping[str, Any]) -> Options:
        """Return a value for every option, the default where none is given."""
        return {
            name: options.get(name, parameter.default) for name, parameter in self.options.items()
        }


def _count(default: int, low: int = 1) -> Number:
    return Number(int, low=low, default=default)


_POOLING = Choice(("max", "average"), default="max")


def _cnn(num_classes: int, head: str, options: Mapping[str, Hyperparameter]) -> ModelEntry:
    """Describe one of the notebook's CNNs that pool half-way; ``head`` is its classifier."""

    def widths(options: Options) -> list[int]:
        return [options["num_filters"]] * options.get("num_layers", 2)

    def check(options: Options, shape: tuple[int, ...]) -> None:
        depth = len(widths(options))
        check_kernel_size(options["kernel_size"], shape, depth, reflects=True, pools=True)
        if options.get("conv_init") == "edge_detector":
            check_edge_detectors(options["kernel_size"], options["num_filters"])

    checked = ("kernel_size", "num_layers", "conv_init", "num_filters")

    def parameters(options: Options, shape: tuple[int, ...], outputs: int) -> int:
        return convolution_parameters(widths(options), options["kernel_size"], shape[0], outputs)

    def make(sizes: Sizes, options: Options) -> LaneModel:
        from ibsweep.models.convnet import ConvNet

        return ConvNet(
            sizes.lanes,
            sizes.outputs,
            in_channels=sizes.shape[0],
            widths=widths(options),
            kernel_size=options["kernel_size"],
            pooling=options["pooling"],
            head=head,
            edge_detectors=options.get("conv_init") == "edge_detector",
            frozen=options.get("freeze_conv", False),
        )

    def suits_kernels(options: Options) -> bool:
        return _few_filters(widths(options)) or options.get("freeze_conv", False)

    return ModelEntry(
        "cnn", num_classes, options, check, checked, parameters, make, suits_kernels, cost=8
    )


def _three_layer_cnn(num_classes: int, options: Mapping[str, Hyperparameter]) -> ModelEntry:
    """Describe the notebook's CNN that pads with zeros and does not pool."""

    def widths(options: Options) -> list[int]:
        return [options["num_filters"], 2 * options["num_filters"]]

    def check(options: Options, shape: tuple[int, ...]) -> None:
        depth = len(widths(options))
        check_kernel_size(options["kernel_size"], shape, depth, reflects=False, pools=False)

    def make(sizes: Sizes, options: Options) -> LaneModel:
        from ibsweep.models.convnet import ConvNet

        return ConvNet(
            sizes.lanes,
            sizes.outputs,
            in_channels=sizes.shape[0],
            widths=widths(options),
            kernel_size=options["kernel_size"],
            padding_mode="constant",
            pooling=None,
            head="fc1",
        )

    def suits_kernels(options: Options) -> bool:
        return _few_filters(widths(options))

    def parameters(options: Options, shape: tuple[int, ...], outputs: int) -> int:
        return convolution_parameters(widths(options), options["kernel_size"], shape[0], outputs)

    checked = ("kernel_size",)
    return ModelEntry(
        "cnn", num_classes, options, check, checked, parameters, make, suits_kernels, cost=8
    )


def _general_cnn(num_classes: int, options: Mapping[str, Hyperparameter]) -> ModelEntry:
    """Describe a CNN of any depth and width, which pads with zeros and may pool half-way."""

    def pooling(options: Options) -> str | None:
        return None if options["pooling"] == "none" else str(options["pooling"])

    def check(options: Options, shape: tuple[int, ...]) -> None:
        pools = pooling(options) is not None
        kernel_size, depth = options["kernel_size"], options["depth"]
        check_kernel_size(kernel_size, shape, depth, reflects=False, pools=pools)

    def make(sizes: Sizes, options: Options) -> LaneModel:
        from ibsweep.models.convnet import ConvNet

        return ConvNet(
            sizes.lanes,
            sizes.outputs,
            in_channels=sizes.shape[0],
            widths=[options["width"]] * options["depth"],
            kernel_size=options["kernel_size"],
            padding_mode="constant",
            pooling=pooling(options),
        )

    def suits_kernels(options: Options) -> bool:
        return _few_filters([options["width"]])

    def parameters(options: Options, shape: tuple[int, ...], outputs: int) -> int:
        layers = [options["width"]] * options["depth"]
        return convolution_parameters(layers, options["kernel_size"], shape[0], outputs)

    checked = ("kernel_size", "depth", "pooling")
    return ModelEntry(
        "cnn", num_classes, options, check, checked, parameters, make, suits_kernels, cost=8
    )


def _mlp(
    num_classes: int,
    options: Mapping[str, Hyperparameter],
    widths: Callable[[Options], list[int]] = lambda options: list(options.values()),
) -> ModelEntry:
    """Describe an MLP; by default its options are the widths of its hidden layers, in order."""

    def check(options: Options, shape: tuple[int, ...]) -> None:
        del options, shape  # it takes examples of any shape

    def make(sizes: Sizes, options: Options) -> LaneModel:
        from ibsweep.models.mlp import MLP

        return MLP(
            sizes.lanes,
            sizes.outputs,
            in_features=math.prod(sizes.shape),
            hidden_dims=widths(options),
        )

    def parameters(options: Options, shape: tuple[int, ...], outputs: int) -> int:
        sizes = [math.prod(shape), *widths(options), outputs]
        return sum(a * b + b for a, b in itertools.pairwise(sizes))

    return ModelEntry(
        "mlp", num_classes, options, check, (), parameters, make, lambda _: True, cost=1
    )


_WIDE = 64
"""Filters from which on torch's convolutions are used: at 64 they draw with the kernels, at 32 and
fewer the kernels are faster."""


def _few_filters(widths: Sequence[int]) -> bool:
    return max(widths) < _WIDE


MODELS: Mapping[str, ModelEntry] = {
    "simple_cnn": _cnn(
        num_classes=3,
        head="fc",
        options={
            "kernel_size": _count(2),
            "num_filters": _count(3),
            "pooling": _POOLING,
            "conv_init": Choice(("default", "edge_detector"), default="default"),
            "freeze_conv": Choice((False, True), default=False),
        },
    ),
    "wider_cnn": _cnn(
        num_classes=5,
        head="fc",
        options={"kernel_size": _count(7), "num_filters": _count(6), "pooling": _POOLING},
    ),
    "deeper_cnn": _cnn(
        num_classes=5,
        head="fc1",
        options={
            "kernel_size": _count(7),
            "num_filters": _count(3),
            "num_layers": _count(4, low=2),
            "pooling": _POOLING,
        },
    ),
    "three_layer_cnn": _three_layer_cnn(
        num_classes=4, options={"kernel_size": _count(7), "num_filters": _count(64)}
    ),
    "two_layer_mlp": _mlp(num_classes=3, options={"hidden_dim": _count(10)}),
    # Two scalars in place of the notebook's list: a sampler proposes scalars.
    "three_layer_mlp": _mlp(
        num_classes=3, options={"hidden_dim_1": _count(10), "hidden_dim_2": _count(10)}
    ),
    # The general ones; those above are the notebook's.
    "cnn": _general_cnn(
        num_classes=10,
        options={
            "depth": _count(2),
            "width": _count(16),
            "kernel_size": _count(3),
            "pooling": Choice(("max", "average", "none"), default="max"),
        },
    ),
    "mlp": _mlp(
        num_classes=10,
        options={"depth": _count(2), "width": _count(32)},
        widths=lambda options: [options["width"]] * options["depth"],
    ),
}
