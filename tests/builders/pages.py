"""Reading what a report shows: tables as cells, pages as tags and text."""

from __future__ import annotations

from html.parser import HTMLParser


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


def texts(table, name):
    return [cell.text for cell in column(table, name)]


class Tables(HTMLParser):
    """Collects the tables of a page by name: rows of the cells' texts, the headings first."""

    def __init__(self, text):
        super().__init__()
        self.found, self._cell = {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._rows = self.found.setdefault(dict(attrs)["id"].removeprefix("table-"), [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self._rows[-1].append(self._cell.replace("\xa0", " "))
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data


def as_shown(table):
    """Return what a page must show of a table."""
    # single runs are drawn
    cells = [["" if c.strip else c.text.replace("`", "") for c in row] for row in table.rows]
    return [list(table.columns), *cells]


class Page(HTMLParser):
    """Collects tags with their attributes, and the text outside of styles and scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def all(self, key):
        return [attributes[key] for _, attributes in self.tags if key in attributes]


def plain(text):
    return " ".join(Page(text).text.replace("\xa0", " ").split())
