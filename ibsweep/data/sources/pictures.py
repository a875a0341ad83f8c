"""torchvision's datasets, from files on disk."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ibsweep.data.faults import DataError
from ibsweep.data.pool import Loaded
from ibsweep.errors import Fault, InputError
from ibsweep.paths import usable_path

__all__ = ["load"]


def load(document: Mapping[str, Any], folder: Path | None) -> Loaded:
    """Load a dataset of torchvision; its own test set is what is held out.

    Raises:
        DataError: Its files are missing or broken.
    """
    name = document["from"].removeprefix("torchvision:")
    try:
        root = usable_path(document["root"], folder or Path()).resolve()
    except InputError as error:
        raise DataError([Fault(("root",), str(error))]) from error
    datasets = _torchvision_datasets()
    if name == "ImageFolder":
        return _folders(datasets, root, document)
    download = document.get("download", False)
    extra = {"split": document["subset"]} if "subset" in document and name == "EMNIST" else {}
    parts = {}
    names: list[str] | None = None
    for part in ("train", "test"):
        which = {"split": part} if name == "SVHN" else {"train": part == "train", **extra}
        try:
            with contextlib.redirect_stdout(sys.stderr):
                loaded = getattr(datasets, name)(str(root), download=download, **which)
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise DataError([_unreadable(name, root, download, error)]) from error
        names = [str(one) for one in getattr(loaded, "classes", ())] or None
        targets = loaded.labels if name == "SVHN" else loaded.targets
        if name == "QMNIST":
            targets = targets[:, 0]
        parts[part] = (_channels_first(np.asarray(loaded.data), name), np.asarray(targets))
    return Loaded(parts, names)


def _unreadable(name: str, root: Path, download: bool, error: Exception) -> Fault:
    if not download and "download=True" in str(error):
        text = f"the files of {name} are not in {root}; put them there, or give download: true"
        return Fault(("root",), text)
    doing = "downloaded to" if download else "read from"
    return Fault(("root",), f"{name} cannot be {doing} {root}: {type(error).__name__}: {error}")


def _channels_first(images: NDArray[Any], name: str) -> NDArray[Any]:
    """Return ``[N, H, W]`` or ``[N, C, H, W]``: CIFAR's have their channels last."""
    return images.transpose(0, 3, 1, 2) if name.startswith("CIFAR") else images


def _folders(datasets: Any, root: Path, document: Mapping[str, Any]) -> Loaded:
    """Load pictures from a folder a class, below ``train`` and ``test`` where there are such."""
    if not root.is_dir():
        raise DataError([Fault(("root",), f"there is no folder {root}")])
    own = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}
    found = {part: root / name for name, part in own.items() if (root / name).is_dir()}
    if "train" not in found or len(found) < 2:
        found = {"train": root}
    parts, names = {}, None
    for part, path in found.items():
        try:
            samples = datasets.ImageFolder(str(path))
        except (FileNotFoundError, RuntimeError) as error:
            text = f"{path} must hold a folder of pictures for each class: {error}"
            raise DataError([Fault(("root",), text)]) from error
        if names is not None and samples.classes != names:
            text = f"{path} must hold the classes of the others, {names}, not {samples.classes}"
            raise DataError([Fault(("root",), text)])
        names = samples.classes
        parts[part] = (_pixels(samples.samples, document), np.asarray(samples.targets))
    return Loaded({k: parts[k] for k in ("train", "valid", "test") if k in parts}, names)


def _pixels(samples: list[tuple[str, int]], document: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return pictures as uint8 ``[N, C, H, W]``."""
    from PIL import Image

    size = document.get("size")
    images: list[NDArray[np.uint8]] = []
    for path, _ in samples:
        try:
            with Image.open(path) as file:
                image = file.convert("L" if document.get("grayscale") else "RGB")
        except OSError as error:
            text = f"{path} cannot be read as a picture: {error}"
            raise DataError([Fault(("root",), text)]) from error
        if size is not None:
            image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        pixels = np.asarray(image)
        if images and pixels.shape != images[0].shape:
            first, here = (f"{one.shape[1]} x {one.shape[0]}" for one in (images[0], pixels))
            text = f"pictures must be of one size: {samples[0][0]} is {first}, {path} is {here}"
            raise DataError([Fault(("root",), f"{text}; give size: [height, width]")])
        images.append(pixels)
    stacked = np.stack(images)
    return stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)


def _torchvision_datasets() -> Any:
    """Import ``torchvision.datasets``, also beside a torch that its operators were not built for.

    torchvision of PyPI registers shapes for operators in its C++ library, which does not load
    with a CPU-only torch: they are declared then, which is all that the datasets need.
    """
    import torch

    try:
        from torchvision import datasets
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for module in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
            del sys.modules[module]
        make: Any = torch.library.Library
        library = make("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
        from torchvision import datasets
    return datasets


_declared: list[Any] = []
"""What was declared is gone when its library is."""
