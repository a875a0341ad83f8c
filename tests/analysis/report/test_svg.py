"""Figures as SVG."""

from __future__ import annotations

import re

from ibsweep.analysis.report.svg import inline_svg, svg_settings


def test_two_drawings_on_one_page_share_no_id():
    from matplotlib.figure import Figure

    def make(name, title="a < b & c"):
        with svg_settings(name):
            figure = Figure(figsize=(2, 2))
            ax = figure.add_axes((0.2, 0.2, 0.7, 0.7))
            ax.plot([0, 1], [0, 2], "o-", color="#7a7a7a")
            ax.set_title("<b>bold</b>", fontweight="bold", fontstyle="italic")
            return inline_svg(figure, name, title, "words", ["#7A7A7A"])

    one, other = make("one"), make("other")
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0]
    assert all(ids)
    assert ids[0] & ids[1] == set()
    assert make("one") == one
    for svg in (one, other):
        references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)
        assert references
        assert {a or b for a, b in references} <= ids[0] | ids[1]
        assert "a &lt; b &amp; c" in svg
        assert "&lt;b&gt;bold" in svg
        assert "7a7a7a" not in svg
        (style,) = re.findall(r'style="([^"]*)"[^>]*>&lt;b&gt;bold', svg)
        assert "font-family" not in svg
        assert re.search(r"font-weight: (bold|700)", style)
        assert "font-style: italic" in style
