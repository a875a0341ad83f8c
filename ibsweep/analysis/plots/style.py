"""One look for all figures: inks that read on light and on dark paper, and labels on the lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "GRID",
    "INK",
    "SIZE",
    "Label",
    "arm_colours",
    "draw_key",
    "draw_no_data",
    "label_ends",
    "style_axes",
]

INK = "#7a7a7a"
"""Text and axes: above 4:1 against white and against black."""
GRID = "#80808040"
SIZE = 9
"""Points, in figures of about five inches."""

_MLP = "#d9730d"
_OTHERS = ("#2f7fd1", "#2c9a6c", "#a35bc7", "#c94f68", "#8c7a1f", "#2a93a3")


def arm_colours(families: Mapping[str, str]) -> dict[str, str]:
    """Return a colour for each arm of a question, by name.

    The first MLP is orange in every question, the first of the others blue.

    Args:
        families: The family of every arm's model, by the arm's name, in the question's order;
            seven arms have colours of their own.
    """
    free, colours = list(_OTHERS), {}
    orange = True
    for name, family in families.items():
        if orange and family == "mlp":
            colours[name], orange = _MLP, False
        else:
            colours[name] = free.pop(0)
            free.append(colours[name])
    return colours


def style_axes(ax: Axes, *, grid: str | None = "y") -> Axes:
    """Give axes the look of all figures: one ink, no box, a faint grid.

    Args:
        ax: The axes; its labels may be set before or after.
        grid: ``"x"``, ``"y"`` or None.
    """
    ax.patch.set_visible(False)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(INK)
        ax.spines[side].set_linewidth(0.8)
    ax.tick_params(which="both", colors=INK, labelcolor=INK, labelsize=SIZE, width=0.8)
    for label in (ax.xaxis.label, ax.yaxis.label, ax.title):
        label.set_color(INK)
        label.set_fontsize(SIZE)
    if grid == "x":
        ax.grid(visible=True, axis="x", color=GRID, linewidth=0.8)
    elif grid == "y":
        ax.grid(visible=True, axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def draw_no_data(ax: Axes, text: str = "no data") -> Axes:
    """Write on empty axes that there is nothing to draw."""
    ax.set_axis_off()
    ax.patch.set_visible(False)
    ax.text(0.5, 0.5, text, color=INK, fontsize=SIZE, ha="center", transform=ax.transAxes)
    return ax


def draw_key(
    ax: Axes, marks: Sequence[Line2D], *, columns: int = 4, labelcolor: str = INK
) -> None:
    """Put the key of the marks above the axes.

    Args:
        ax: The axes.
        marks: A mark a label.
        columns: How many stand in a line.
        labelcolor: Of the labels; ``"linecolor"``: each in that of its mark.
    """
    ax.legend(
        handles=list(marks),
        loc="lower right",
        bbox_to_anchor=(1, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=SIZE,
        labelcolor=labelcolor,
        handletextpad=0.2,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


class Label(NamedTuple):
    """A text at the right end of a line, in the coordinates of the data."""

    x: float
    y: float
    text: str
    colour: str


def label_ends(ax: Axes, labels: Sequence[Label]) -> None:
    """Write each line's name beside its end, moved apart where they would touch.

    Call it once the limits of the axes are final.
    """
    if not labels:
        return
    low, high = ax.get_ylim()
    assert ax.figure is not None, "axes belong to a figure"
    height = ax.get_position().height * ax.figure.get_figure(root=True).get_figheight() * 72
    gap = 1.25 * SIZE * (high - low) / max(height, 1)
    ordered = sorted(labels, key=lambda label: label.y)
    places = spread_apart([label.y for label in ordered], gap, high)
    for label, y in zip(ordered, places, strict=True):
        ax.annotate(
            label.text,
            (label.x, y),
            xytext=(6, 0),
            textcoords="offset points",
            color=label.colour,
            fontsize=SIZE,
            va="center",
            annotation_clip=False,
        )


def spread_apart(places: Sequence[float], gap: float, high: float) -> list[float]:
    """Move rising places apart to at least ``gap``, none above ``high``."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    limit = high
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - gap
    return moved
