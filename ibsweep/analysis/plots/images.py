"""Figures made of small pictures: kernels trained beside untrained, and images of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.analysis.plots.style import INK, SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "DatasetInfo",
    "KernelsInfo",
    "dataset_info",
    "kernels_info",
    "plot_dataset",
    "plot_kernels",
]


class KernelsInfo(NamedTuple):
    """Kernels of a first convolution before and after training.

    Attributes:
        untrained: Shape ``(F, K, K)``.
        trained: Shape ``(F, K, K)``.
        scale: The greatest magnitude among them: colours run from ``-scale`` to ``scale``.
    """

    untrained: NDArray[np.float64]
    trained: NDArray[np.float64]
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the axes to draw on: untrained above trained, a column a kernel."""
        return 2, len(self.trained)


def kernels_info(trained: ArrayLike, untrained: ArrayLike) -> KernelsInfo:
    """Return kernels to compare.

    Args:
        trained: Shape ``(F, K, K)``, or ``(F, 1, K, K)`` as in a state dict.
        untrained: The same shape.

    Raises:
        ValueError: If the shapes are others.
    """
    after, before = _kernels(trained), _kernels(untrained)
    if after.shape != before.shape:
        text = "`trained` and `untrained` must have one shape, but got "
        raise ValueError(f"{text}{after.shape=}, {before.shape=}")
    magnitudes = np.abs(np.concatenate([before, after]))
    finite = magnitudes[np.isfinite(magnitudes)]
    return KernelsInfo(before, after, float(finite.max()) if finite.size else 0.0)


def _kernels(values: ArrayLike) -> NDArray[np.float64]:
    kernels = np.asarray(values, dtype=np.float64)
    if kernels.ndim == 4 and kernels.shape[1] == 1:
        kernels = kernels[:, 0]
    if kernels.ndim != 3 or not len(kernels):
        raise ValueError(
            f"kernels must have the shape (F, K, K) or (F, 1, K, K), but got {kernels.shape=}"
        )
    return kernels


def plot_kernels(axes: NDArray[Any], info: KernelsInfo) -> NDArray[Any]:
    """Draw kernels on a grid of axes: blue below zero, red above, one scale for all.

    Args:
        axes: Array of axes of the shape ``info.shape``.
        info: The kernels.
    """
    limit = info.scale or 1.0
    for row, kernels, name in zip(
        axes, (info.untrained, info.trained), ("untrained", "trained"), strict=True
    ):
        for ax, kernel in zip(row, kernels, strict=True):
            ax.imshow(kernel, cmap="RdBu_r", vmin=-limit, vmax=limit)
            _hide_ticks(ax)
        _row_title(row[0], name)
    return axes


class DatasetInfo(NamedTuple):
    """Example images of each class.

    Attributes:
        images: As the models see them, uint8 with shape ``(classes, each, H, W)``.
        restored: The same images with their pixels put back, or None where they are in place.
        names: Names of the classes.
    """

    images: NDArray[np.uint8]
    restored: NDArray[np.uint8] | None
    names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the axes to draw on: a row a class; restored images at the right."""
        blocks = 1 if self.restored is None else 2
        return self.images.shape[0], blocks * self.images.shape[1]


def dataset_info(
    images: ArrayLike,
    labels: ArrayLike,
    names: Sequence[str],
    *,
    unpermutater: ArrayLike | None = None,
    each: int = 4,
) -> DatasetInfo:
    """Return the first images of each class.

    Args:
        images: uint8 with shape ``(N, H, W)``.
        labels: Class of each image, with shape ``(N,)``.
        names: Names of the classes, in the order of the labels.
        unpermutater: Where the pixels were permuted, the order that restores them, with shape
            ``(H * W,)``.
        each: Images of a class.

    Raises:
        ValueError: If the shapes do not fit, or a class has too few images.
    """
    pixels, classes = np.asarray(images), np.asarray(labels)
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        raise ValueError(
            "`images` must be uint8 with the shape (N, H, W), "
            f"but got {pixels.dtype=}, {pixels.shape=}"
        )
    if classes.shape != pixels.shape[:1]:
        text = "`labels` must hold a class for each image, but got "
        raise ValueError(f"{text}{classes.shape=}, {pixels.shape=}")
    found = [np.flatnonzero(classes == label)[:each] for label in range(len(names))]
    for name, places in zip(names, found, strict=True):
        if len(places) < each:
            raise ValueError(
                f"each class must have at least {each=} images, but got {len(places)} of {name!r}"
            )
    chosen = np.stack([pixels[places] for places in found])
    restored = None
    if unpermutater is not None:
        order = np.asarray(unpermutater)
        flat = chosen.reshape(*chosen.shape[:2], -1)
        if sorted(order.tolist()) != list(range(flat.shape[-1])):
            raise ValueError("`unpermutater` must hold each pixel's position once")
        restored = flat[..., order].reshape(chosen.shape)
    return DatasetInfo(chosen, restored, tuple(names))


def plot_dataset(axes: NDArray[Any], info: DatasetInfo) -> NDArray[Any]:
    """Draw the images on a grid of axes, a row a class; permuted left, restored right.

    Args:
        axes: Array of axes of the shape ``info.shape``.
        info: The images.
    """
    blocks = [info.images] if info.restored is None else [info.images, info.restored]
    each = info.images.shape[1]
    for index, (row, name) in enumerate(zip(axes, info.names, strict=True)):
        pictures = np.concatenate([block[index] for block in blocks])
        for ax, picture in zip(row, pictures, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
            _hide_ticks(ax)
        _row_title(row[0], name)
    if info.restored is not None:
        for column, text in ((0, "permuted"), (each, "restored")):
            axes[0][column].set_title(text, color=INK, fontsize=SIZE, loc="left")
    return axes


def _hide_ticks(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color(INK)
        spine.set_linewidth(0.6)


def _row_title(ax: Axes, text: str) -> None:
    ax.set_ylabel(text, color=INK, fontsize=SIZE, rotation=0, ha="right", va="center", labelpad=6)
