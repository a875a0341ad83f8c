"""A matplotlib figure as SVG inside a page: its text is text in the page's font and ink.

Several such drawings share one page, so ids must differ between them; and they follow the page
from light to dark, so what is drawn in ink takes the colour of the text around it.
"""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree.ElementTree import Element

    from matplotlib.figure import Figure

__all__ = ["inline_svg", "svg_settings"]

_ZOOM = 1.45
"""Pixels on a page for a point of a figure: its text of 9 points stands beside 14 pixels."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FAMILY = re.compile(r"font-family: [^;]+;? ?")
# matplotlib before 3.11 writes all of a font in one
_FONT = re.compile(r"font: (?P<other>(?:[a-z0-9]+ )*)(?P<size>[\d.]+px) [^;]+")


@contextmanager
def svg_settings(name: str) -> Iterator[None]:
    """Set what a figure is drawn and written with; a name for each keeps their ids apart."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9.0}):
        yield


def inline_svg(figure: Figure, name: str, title: str, description: str, ink: Iterable[str]) -> str:
    """Return a figure as an ``svg`` element to stand in HTML.

    Args:
        figure: The figure, drawn and now written within `svg_settings`.
        name: Unique on its page; the ids start with it.
        title: What screen readers say first.
        description: The figure in words.
        ink: Colours, as ``#rrggbb``, that become the colour of the text.
    """
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
    )
    root = ElementTree.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    _rename(root, name)
    _recolour(root, {colour.lower() for colour in ink} | {"#000000"})
    _label(root, name, title, description)
    _plain_names(root)
    return ElementTree.tostring(root, encoding="unicode")


def _rename(root: Element, name: str) -> None:
    """Give the ids that are referred to a prefix, and drop the others."""
    used = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            used.update(_REFERENCE.findall(value))
            if key.endswith("href") and value.startswith("#"):
                used.add(value[1:])
    for element in root.iter():
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key.endswith("href") and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            else:
                element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))


def _recolour(root: Element, ink: set[str]) -> None:
    colours = re.compile("|".join(map(re.escape, ink)), re.IGNORECASE)
    # what is black is not said in the file, and would stay black on a dark page
    root.set("fill", "currentColor")
    for element in root.iter():
        style = element.get("style")
        if style:
            style = colours.sub("currentColor", style)
            element.set("style", _FAMILY.sub("", _FONT.sub(_font, style)))


def _font(found: re.Match[str]) -> str:
    """Keep size and weight; the family is the page's."""
    weight = re.search(r"bold|\d{3}", found["other"])
    slant = "; font-style: italic" if "italic" in found["other"] else ""
    return (
        f"font-size: {found['size']}" + (f"; font-weight: {weight[0]}" if weight else "") + slant
    )


def _label(root: Element, name: str, title: str, description: str) -> None:
    for key in ("height", "version"):
        root.attrib.pop(key, None)
    points = float(root.attrib.pop("width").removesuffix("pt"))
    # the same size of text in all figures where the page has room, smaller where it has not
    root.set("style", f"max-width: {points * _ZOOM:.0f}px")
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(place, element)


def _plain_names(root: Element) -> None:
    """Write names without prefixes, as HTML wants them."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK))
    root.set("xmlns", _SVG)
