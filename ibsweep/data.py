"""The edge images: pure functions of a configuration, a split and a RandomState.

Notation:
    N: images of one class (``data_per_class``); a set holds ``N * num_classes``, sorted by class.
    R: height and width in pixels (``spatial_resolution``).
    E: bands of an image; a band fills the rows (or columns) ``start <= row < end``.

Bytes, labels, statistics and the state the RandomState is left in are those of the notebook's
``EdgeDetectionDataset``. A class draws whole arrays: background ``[N]``, widths ``[N, E]``, starts
``[N, E]``, intensities ``[N, E]``, for diagonals angles ``[N, E]``. Rendering draws nothing, so a
set can be skipped for the price of its random numbers.

Domain shift (``possible_edge_location_ratio < 1``): the bands of ``train`` lie before pixel
``int(ratio * R)``, those of ``valid`` from it on. The notebook's ``test`` ignores the shift; here
it follows ``valid``.

What to know about the images, all of it the notebook's doing:
    - Label 0 is the first name of ``class_type``: by default horizontal, then vertical, then none.
    - Starts stop one short of the room there is: the last row and column never hold a band.
    - ``both`` takes its vertical bands from the positions of the horizontal ones, so that every
      cross is centred on the main diagonal; the vertical band lies on top.
    - ``vertical`` takes as many intensities as there are *horizontal* bands.
    - ``diagonal`` draws a row band (even images) or a column band (odd ones) and turns the image
      by 30, 45, 120 or 135 degrees, band after band: a second one lies on a turned image. Widths
      stay below ``int(max_edge_width / sqrt(2))``.
    - Turning with cubic splines leaves [0, 1], and bytes wrap round there (-9 becomes 247): this
      concerns 82 of q6's 240 diagonal images at seed 10. ``overshoot="clip"`` limits them to
      0..255 instead; the pixels concerned are counted either way.
    - Mean and standard deviation are of the floats, after the permutation, before the bytes.
"""

from __future__ import annotations

import dataclasses
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from scipy.ndimage import affine_transform
from scipy.special import cosdg, sindg

from ibsweep.errors import InputError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import RandomState
    from numpy.typing import NDArray

CLASS_TYPES = ("horizontal", "vertical", "diagonal", "both", "none")
SPLITS = ("train", "valid", "test")
ANGLES = (30, 45, 120, 135)  # degrees


@dataclass(frozen=True)
class EdgeConfig:
    """What the images look like: the notebook's ``domain_config`` keys, and ``overshoot``.

    Widths are in pixels, intensities in [0, 1]. Lists, arrays and NumPy scalars become tuples and
    plain numbers, so that equal configurations compare and hash alike.

    Args:
        permutater: For each pixel, row by row, the pixel it is taken from; ``[R * R]``. It and
            its inverse are looked at only with ``use_permutation``.
        unpermutater: The inverse, for display; worked out where it is left out.
        overshoot: What becomes of values outside 0..255; ``wrap`` is the notebook's.

    Raises:
        InputError: One line for each rule that does not hold. A configuration under domain shift
            whose edges fit one half alone is refused only where the other half is asked for.
    """

    data_per_class: int = 1000
    num_classes: int = 3
    class_type: tuple[str, ...] = ("horizontal", "vertical", "none")
    spatial_resolution: int = 28
    min_edge_width: int = 1
    max_edge_width: int = 4
    max_edge_intensity: float = 1
    min_edge_intensity: float = 0.25
    max_background_intensity: float = 0.2
    min_background_intensity: float = 0
    possible_edge_location_ratio: float = 1.0
    num_horizontal_edge: int = 1
    num_vertical_edge: int = 1
    num_diagonal_edge: int = 1
    use_permutation: bool = False
    permutater: tuple[int, ...] | None = None
    unpermutater: tuple[int, ...] | None = None
    overshoot: Literal["wrap", "clip"] = "wrap"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        _refuse(_edge_faults(self))
        if self.use_permutation and self.unpermutater is None:
            inverse = np.argsort(np.asarray(self.permutater))
            object.__setattr__(self, "unpermutater", tuple(inverse.tolist()))

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> EdgeConfig:
        """Build a configuration from the notebook's keys.

        Raises:
            InputError: A key is unknown (the nearest known ones are named), or a rule is broken.
        """
        _refuse(_key_faults(options, {field.name for field in dataclasses.fields(cls)}))
        return cls(**options)


class EdgeImages(NamedTuple):
    """One set of images, sorted by class.

    Attributes:
        images: uint8 ``[N * num_classes, R, R]``.
        labels: int64 ``[N * num_classes]``, positions in ``class_type``.
        mean: Mean of all values before they became bytes.
        std: Standard deviation of the same.
        overshoot: Number of pixels whose value in 255ths, truncated, lies outside 0..255.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    mean: float
    std: float
    overshoot: int


def draw(
    config: EdgeConfig | Mapping[str, Any], split: str, rng: RandomState
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw one set as :func:`draw_images` does, and return its images and labels alone."""
    drawn = draw_images(config, split, rng)
    return drawn.images, drawn.labels


def draw_images(
    config: EdgeConfig | Mapping[str, Any], split: str, rng: RandomState
) -> EdgeImages:
    """Draw one set of images with its statistics.

    Args:
        config: The configuration, or a dict of the notebook's keys.
        split: ``train``, ``valid`` or ``test``; they differ under domain shift alone.
        rng: The source of all random numbers; it moves on by exactly the notebook's draws.

    Raises:
        InputError: The configuration or the split is wrong, or the edges do not fit the split's
            half of the image; nothing has been drawn then.
    """
    config = _checked(config, split)
    size, resolution = config.data_per_class, config.spatial_resolution
    order = np.arange(resolution**2)
    if config.use_permutation:
        order = np.asarray(config.permutater)
    values = np.empty((config.num_classes, size, resolution**2))
    for label, class_type in enumerate(config.class_type):
        images = _render(config, class_type, _sample(config, class_type, split, rng))
        values[label] = images.reshape(size, -1)[:, order]
    # Through int64: a float cast to uint8 out of range differs by platform.
    whole = (values * 255).astype(np.int64)
    overshoot = int(np.count_nonzero((whole < 0) | (whole > 255)))
    if config.overshoot == "clip":
        whole = whole.clip(0, 255)
    return EdgeImages(
        images=whole.astype(np.uint8).reshape(-1, resolution, resolution),
        labels=np.repeat(np.arange(config.num_classes, dtype=np.int64), size),
        mean=float(np.mean(values)),
        std=float(np.std(values)),
        overshoot=overshoot,
    )


def skip(config: EdgeConfig | Mapping[str, Any], split: str, rng: RandomState) -> None:
    """Move ``rng`` on as :func:`draw_images` does, without rendering; same errors."""
    config = _checked(config, split)
    for class_type in config.class_type:
        _sample(config, class_type, split, rng)


def draw_permutation(
    resolution: int, rng: RandomState
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Draw an order of ``resolution ** 2`` pixels; return it and its inverse."""
    permutater = np.arange(resolution**2, dtype=np.int32)
    rng.shuffle(permutater)
    return permutater, np.argsort(permutater)


def to_float(images: NDArray[np.uint8]) -> torch.Tensor:
    """Return uint8 ``[N, H, W]`` as float32 ``[N, 1, H, W]`` in [0, 1], as ToTensor does."""
    return torch.tensor(images).unsqueeze(1).to(torch.float32).div(255)


@dataclass(frozen=True)
class Task:
    """The data of a question: what its images look like and how many of a class each set has.

    Args:
        edges: The images, unpermuted; ``data_per_class`` is set aside, each set has its own.
        train_images: Images per class of every training set, in the order of their draws.
        valid_images: Images per class of the validation set.
        test_images: Images per class of the held-out set.
        permute: Draw one permutation of the pixels for each replicate, before its images.

    Raises:
        InputError: One line for each rule that does not hold.
    """

    edges: EdgeConfig
    train_images: tuple[int, ...]
    valid_images: int = 50
    test_images: int = 1000
    permute: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        faults = [*_set_faults(vars(self)), *_room_faults(self.edges, SPLITS)]
        if self.edges.use_permutation:
            faults.append(
                "`edges.use_permutation` must be False (`permute` draws one for each replicate), "
                "but got use_permutation=True"
            )
        _refuse(faults)
        edges = dataclasses.replace(self.edges, data_per_class=EdgeConfig.data_per_class)
        object.__setattr__(self, "edges", edges)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> Task:
        """Build a task from the notebook's keys and the three ``*_images`` keys.

        ``use_permutation`` asks for one permutation a replicate. :meth:`to_dict` is the inverse.

        Raises:
            InputError: A key is unknown or not a task's to set, or a rule does not hold.
        """
        look = {field.name for field in dataclasses.fields(EdgeConfig)} - {*_NOT_A_TASKS}
        sets = {"train_images", "valid_images", "test_images"}
        _refuse(_key_faults(options, look | sets))
        given = {key: options[key] for key in sets & options.keys()}
        given = {"train_images": (), "permute": options.get("use_permutation", False), **given}
        look = (look & options.keys()) - {"use_permutation"}
        try:
            edges = EdgeConfig(**{key: options[key] for key in look})
        except InputError as error:
            faults = _set_faults({key: _plain(value) for key, value in given.items()})
            raise InputError("\n".join([str(error), *faults])) from None
        return cls(edges, **given)

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain JSON values under the keys of :meth:`from_dict`."""
        task = {name: getattr(self, name) for name in ("valid_images", "test_images")}
        look = {k: v for k, v in vars(self.edges).items() if k not in _NOT_A_TASKS}
        look |= {"class_type": list(self.edges.class_type), "use_permutation": self.permute}
        return {**look, "train_images": list(self.train_images), **task}


class ReplicateData(NamedTuple):
    """What a replicate trains on; the two orders ``[R * R]`` are None without a permutation."""

    train: EdgeImages
    valid: EdgeImages
    permutater: NDArray[np.int32] | None
    unpermutater: NDArray[np.int64] | None


def replicate_data(task: Task, seed: int, images_per_class: int) -> ReplicateData:
    """Draw a replicate's training and validation images from ``RandomState(seed)``.

    The stream has the notebook's order: the permutation if any, each training set that the task
    lists, validation. So seed 10 *is* the notebook's data. A number of images that the task does
    not list has no place in that stream; its training set comes from
    ``RandomState([seed, 1, images_per_class])``, and the validation images stay what they are.

    Args:
        task: The task; a seed gives all arms that share it the same images.
        seed: The replicate's seed, 0 to 2**32 - 1.
        images_per_class: Size of the training set that is wanted.

    Raises:
        InputError: ``seed`` or ``images_per_class`` is not an integer of its range.
    """
    _refuse(
        _integer_faults("seed", seed, 0) + _integer_faults("images_per_class", images_per_class)
    )
    rng = np.random.RandomState(seed)
    edges, permutater, unpermutater = _permuted(task, rng)
    train = None
    for size in task.train_images:
        config = dataclasses.replace(edges, data_per_class=size)
        if size == images_per_class:
            train = draw_images(config, "train", rng)
        else:
            skip(config, "train", rng)
    valid = draw_images(dataclasses.replace(edges, data_per_class=task.valid_images), "valid", rng)
    if train is None:
        config = dataclasses.replace(edges, data_per_class=images_per_class)
        own_rng = np.random.RandomState([seed, 1, images_per_class])
        train = draw_images(config, "train", own_rng)
    return ReplicateData(train, valid, permutater, unpermutater)


def held_out_data(task: Task, seed: int) -> EdgeImages:
    """Draw a replicate's held-out images from ``RandomState([seed, 2])``.

    They share the replicate's permutation and nothing else with its other sets.

    Raises:
        InputError: ``seed`` is not an integer from 0 to 2**32 - 1.
    """
    _refuse(_integer_faults("seed", seed, 0))
    edges, _, _ = _permuted(task, np.random.RandomState(seed))
    config = dataclasses.replace(edges, data_per_class=task.test_images)
    return draw_images(config, "test", np.random.RandomState([seed, 2]))


def _permuted(
    task: Task, rng: RandomState
) -> tuple[EdgeConfig, NDArray[np.int32] | None, NDArray[np.int64] | None]:
    if not task.permute:
        return task.edges, None, None
    permutater, unpermutater = draw_permutation(task.edges.spatial_resolution, rng)
    order = tuple(permutater.tolist())
    edges = dataclasses.replace(task.edges, use_permutation=True, permutater=order)
    return edges, permutater, unpermutater


class _Draws(NamedTuple):
    """The random numbers of one class; E is 0 for ``none``."""

    background: NDArray[np.float64]  # [N, 1, 1, 1]
    start: NDArray[np.int64]  # [N, E]
    end: NDArray[np.int64]  # [N, E]
    intensity: NDArray[np.float64]  # [N, E]
    angle: NDArray[np.int64]  # [N, E] degrees, [N, 0] unless diagonal


def _sample(config: EdgeConfig, class_type: str, split: str, rng: RandomState) -> _Draws:
    # The order of the draws and their shapes are what makes the bytes the notebook's.
    size = config.data_per_class
    shape = (size, _num_bands(config, class_type))
    background = rng.uniform(
        config.min_background_intensity, config.max_background_intensity, size=(size, 1, 1, 1)
    )
    no_angle = np.empty((size, 0), dtype=np.int64)
    if class_type == "none":
        return _Draws(background, no_angle, no_angle, np.empty((size, 0)), no_angle)
    first, stop = _region(config, split)
    width = rng.randint(config.min_edge_width, _width_stop(config, class_type), size=shape)
    start = rng.randint(first, stop - width, size=shape)
    columns = config.num_horizontal_edge if class_type == "vertical" else shape[1]
    intensity = rng.uniform(
        config.min_edge_intensity, config.max_edge_intensity, size=(size, columns)
    )
    angle = rng.choice(ANGLES, size=shape) if class_type == "diagonal" else no_angle
    return _Draws(background, start, start + width, intensity, angle)


def _num_bands(config: EdgeConfig, class_type: str) -> int:
    across, down = config.num_horizontal_edge, config.num_vertical_edge
    counts = {"horizontal": across, "vertical": down, "both": across + down, "none": 0}
    return counts.get(class_type, config.num_diagonal_edge)


def _width_stop(config: EdgeConfig, class_type: str) -> int:
    """Return the exclusive upper end of a class's widths, in pixels."""
    if class_type == "diagonal":
        return int(config.max_edge_width / np.sqrt(2))
    return config.max_edge_width + 1


def _region(config: EdgeConfig, split: str) -> tuple[int, int]:
    """Return the first pixel a band may start on and the one it has to end before."""
    if config.possible_edge_location_ratio == 1:
        return 0, config.spatial_resolution
    boundary = int(config.possible_edge_location_ratio * config.spatial_resolution)
    return (0, boundary) if split == "train" else (boundary, config.spatial_resolution)


def _render(config: EdgeConfig, class_type: str, draws: _Draws) -> NDArray[np.float64]:
    """Return the images of one class, ``[N, R, R]``."""
    size, resolution = config.data_per_class, config.spatial_resolution
    blank = np.ones((size, resolution, resolution, 1)) * draws.background
    images = blank.reshape(size, resolution, resolution)
    if class_type == "diagonal":
        # The mean of equal numbers can differ from them in its last bit, by how the sum is split
        # up: it is taken over the notebook's own shape and axes.
        _render_diagonals(images, draws, fill=np.mean(blank, axis=(1, 2, 3)))
        return images
    across = config.num_horizontal_edge if class_type in ("horizontal", "both") else 0
    down = config.num_vertical_edge if class_type in ("vertical", "both") else 0
    start, end, intensity = draws.start.T, draws.end.T, draws.intensity.T  # [E, N]
    for j in range(across):
        _paint(images, start[j], end[j], intensity[j])
    for j in range(down):  # positions start again from the first, intensities go on
        _paint(images.transpose(0, 2, 1), start[j], end[j], intensity[across + j])
    return images


def _render_diagonals(
    images: NDArray[np.float64], draws: _Draws, fill: NDArray[np.float64]
) -> None:
    """Draw and turn all bands, in place; ``fill`` ``[N]`` comes in from outside the image."""
    turns = {angle: _rotation(angle, images.shape[1]) for angle in ANGLES}
    for j in range(draws.angle.shape[1]):
        for first, turned in enumerate((images, images.transpose(0, 2, 1))):
            half = slice(first, None, 2)  # even images get rows, odd ones columns
            bands = draws.start[half, j], draws.end[half, j], draws.intensity[half, j]
            _paint(turned[half], *bands)
        for i, angle in enumerate(draws.angle[:, j].tolist()):
            matrix, offset = turns[angle]
            images[i] = affine_transform(images[i], matrix, offset, cval=fill[i])


def _rotation(angle: int, resolution: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrix and offset of ``scipy.ndimage.rotate(..., reshape=False)``.

    ``affine_transform`` with them gives its very bits in three quarters of the time.
    """
    cosine, sine = cosdg(angle), sindg(angle)
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.full(2, (resolution - 1) / 2)
    return matrix, centre - matrix @ centre


def _paint(
    images: NDArray[np.float64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    intensity: NDArray[np.float64],
) -> None:
    """Fill one band of rows (``start`` and the others ``[N]``) in images ``[N, R, R]``."""
    rows = np.arange(images.shape[1])
    inside = (start[:, None] <= rows) & (rows < end[:, None])  # [N, R]
    np.copyto(images, intensity[:, None, None], where=inside[:, :, None])


# What is checked. A fault is one line: the rule, then what was given.

_NOT_A_TASKS = ("data_per_class", "permutater", "unpermutater")

# By exact type, for True is an integer to isinstance; keyed by the text of a field's annotation.
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,)}

# Each rule, with the classes it is for where it is not for all.
_RULES: dict[str, tuple[str, ...]] = {
    "1 <= data_per_class": (),
    "1 <= num_classes": (),
    "num_classes == len(class_type)": (),
    "1 <= spatial_resolution": (),
    "0 <= min_edge_width <= max_edge_width": (),
    "min_edge_width < int(max_edge_width/sqrt(2))": ("diagonal",),
    "0 <= min_edge_intensity <= max_edge_intensity <= 1": (),
    "0 <= min_background_intensity <= max_background_intensity <= 1": (),
    "0 < possible_edge_location_ratio <= 1": (),
    "1 <= num_horizontal_edge": ("horizontal", "both"),
    "1 <= num_vertical_edge": ("vertical", "both"),
    "1 <= num_diagonal_edge": ("diagonal",),
    "num_vertical_edge <= num_horizontal_edge": ("vertical",),
}
_REASONS = {
    "num_vertical_edge <= num_horizontal_edge": " (they take only as many intensities as there "
    "are horizontal edges)"
}


def _refuse(faults: list[str]) -> None:
    if faults:
        raise InputError("\n".join(faults))


def _checked(config: EdgeConfig | Mapping[str, Any], split: str) -> EdgeConfig:
    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}; {suggestion(str(split), SPLITS)}")
    if not isinstance(config, EdgeConfig):
        config = EdgeConfig.from_dict(config)
    _refuse(_room_faults(config, (split,)))
    return config


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _but(rule: str, **given: object) -> str:
    return f"{rule}, but got {', '.join(f'{name}={value!r}' for name, value in given.items())}"


def _key_faults(options: Mapping[str, Any], known: set[str]) -> list[str]:
    own = "is not a task's to set: its sets and replicates have their own"
    return [
        f"`{key}` {own}"
        if key in _NOT_A_TASKS
        else f"unknown {key=}; {suggestion(str(key), known)}"
        for key in options
        if key not in known
    ]


def _edge_faults(config: EdgeConfig) -> list[str]:
    known, faults = dict(vars(config)), []
    for field in dataclasses.fields(config):
        if type(known[field.name]) not in _KINDS.get(str(field.type), (type(known[field.name]),)):
            given = {field.name: known.pop(field.name)}
            faults.append(_but(f"`{field.name}` must be of type {field.type}", **given))
    names = config.class_type
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return [*faults, _but("`class_type` must be a list of names", class_type=names)]
    faults += [
        f"`class_type` holds the unknown {name!r}; {suggestion(name, CLASS_TYPES)}"
        for name in dict.fromkeys(names)
        if name not in CLASS_TYPES
    ]
    faults += _rule_faults(config, known)
    if config.overshoot not in ("wrap", "clip"):
        faults.append(_but("`overshoot` must be 'wrap' or 'clip'", overshoot=config.overshoot))
    placed = {"max_edge_width", "spatial_resolution", "possible_edge_location_ratio"}
    if known.keys() >= placed and all(_room_faults(config, (split,)) for split in SPLITS):
        faults += _room_faults(config, SPLITS)
    if known.get("use_permutation") and "spatial_resolution" in known:
        faults += _permutation_faults(config)
    return faults


def _rule_faults(config: EdgeConfig, known: dict[str, Any]) -> list[str]:
    """Check ``_RULES``; values that break one leave ``known``, to be reported once alone."""
    known |= {"0": 0, "1": 1, "len(class_type)": len(config.class_type)}
    if "max_edge_width" in known:
        known["int(max_edge_width/sqrt(2))"] = _width_stop(config, "diagonal")
    faults = []
    for rule, classes in _RULES.items():
        words = rule.split()
        concerned = not classes or not set(classes).isdisjoint(config.class_type)
        if concerned and known.keys() >= set(words[::2]) and not _holds(words, known):
            whom = f" for {' and '.join(map(repr, classes))} images" if classes else ""
            given = {word: known.pop(word) for word in words[::2] if not word.isdigit()}
            faults.append(_but(f"`{rule}` must hold{whom}{_REASONS.get(rule, '')}", **given))
    return faults


def _holds(words: list[str], known: Mapping[str, Any]) -> bool:
    """Evaluate a chain of comparisons such as ``0 <= a <= b``."""
    compare = {"<": operator.lt, "<=": operator.le, "==": operator.eq}
    values = [known[word] for word in words[::2]]
    return all(compare[sign](*values[i : i + 2]) for i, sign in enumerate(words[1::2]))


def _room_faults(config: EdgeConfig, splits: tuple[str, ...]) -> list[str]:
    """Return a fault for each region of these splits that the widest edge does not fit."""
    used = [name for name in config.class_type if name in CLASS_TYPES and name != "none"]
    widest = max((_width_stop(config, name) - 1 for name in used), default=-1)
    faults: dict[tuple[int, int], str] = {}
    for split in splits:
        first, stop = _region(config, split)
        if used and widest >= stop - first:
            fault = _but(
                f"edges must be narrower than the {stop - first} pixels that they can lie on in "
                f"{split!r} images",
                max_edge_width=config.max_edge_width,
                spatial_resolution=config.spatial_resolution,
                possible_edge_location_ratio=config.possible_edge_location_ratio,
            )
            faults.setdefault((first, stop), fault)  # `test` shares its region with another
    return list(faults.values())


def _permutation_faults(config: EdgeConfig) -> list[str]:
    order, inverse, size = config.permutater, config.unpermutater, config.spatial_resolution**2
    rule = f"`permutater` must hold each index below `spatial_resolution ** 2` = {size} once"
    if not isinstance(order, tuple):
        return [_but(rule, permutater=order)]
    if len(order) != size:
        return [f"{rule}, but got {len(order)} indices"]
    if any(type(index) is not int for index in order) or set(order) != set(range(size)):
        return [f"{rule}, but got other entries or some of them twice"]
    if inverse is not None and inverse != tuple(np.argsort(order).tolist()):
        return ["`unpermutater` must be the inverse of `permutater`, but got another order"]
    return []


def _integer_faults(name: str, value: object, low: int = 1) -> list[str]:
    number = _plain(value)
    if type(number) is int and low <= number < 2**32:
        return []
    return [_but(f"`{name}` must be an integer from {low} to 2**32 - 1", **{name: value})]


def _set_faults(sets: Mapping[str, Any]) -> list[str]:
    train = sets["train_images"]
    if not isinstance(train, tuple) or not train:
        faults = [_but("`train_images` must list numbers of images", train_images=train)]
    else:
        faults = [fault for size in train for fault in _integer_faults("train_images", size)]
        if not faults and len(set(train)) < len(train):
            rule = "`train_images` must list each number of images once"
            faults = [_but(rule, train_images=train)]
    for name in ("valid_images", "test_images"):
        faults += _integer_faults(name, sets.get(name, 1))
    if type(sets["permute"]) is not bool:
        faults.append(
            _but("`use_permutation` must be of type bool", use_permutation=sets["permute"])
        )
    return faults
