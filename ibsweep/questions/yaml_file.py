"""Reading YAML that a user wrote: within limits, each fault one line that names the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ibsweep.errors import InputError, format_value
from ibsweep.gc_control import gc_paused
from ibsweep.terminal import visible

if TYPE_CHECKING:
    import os

__all__ = ["read_document", "read_text", "read_yaml"]

_MAX_BYTES = 250_000
_MAX_NODES = 10_000
_MAX_KEYS = 2_000
_MAX_DEPTH = 40
_MAX_DIGITS = 100
"""What settings never need. To read as much takes half a second; texts of a megabyte that nest,
multiply by aliases or write numbers of a thousand digits would take up to a minute."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {
    f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")
}


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Args:
        path: The file, in UTF-8.

    Returns:
        Texts, numbers, booleans, None, lists and mappings; dates stay texts.

    Raises:
        InputError: As ``read_document``, and if it holds something else.
    """
    data = read_document(path)
    if not isinstance(data, dict):
        raise InputError(
            f"{_named(path)}: must hold a mapping of keys to values, but got {format_value(data)}"
        )
    return data


def read_document(path: str | os.PathLike[str]) -> Any:
    """Read a YAML file that holds whatever is plain.

    Args:
        path: The file, in UTF-8.

    Raises:
        InputError: If there is no such regular file, it cannot be read, is empty, larger than any
            settings are, not UTF-8 or not YAML, repeats a key, has tags of other types or
            integers of more than 64 bits.
    """
    where, text = _named(path), read_text(path)
    try:
        with gc_paused():
            loader = _Loader(text)
            node = loader.get_single_node()
            data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = "; ".join(filter(None, (error.problem, error.context)))
        raise InputError(f"{where}: {place}{_one_line(what)}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{where}: is not YAML: {_one_line(str(error))}") from None
    if data is None:
        raise InputError(f"{where}: is empty")
    return data


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a file of settings in UTF-8.

    Args:
        path: The file.

    Raises:
        InputError: If there is no such regular file, it cannot be read, is larger than any
            settings are or not UTF-8.
    """
    where = _named(path)
    content = _content(Path(path), where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{where}: line {line}: is not UTF-8; save the file as UTF-8") from None


def _named(path: str | os.PathLike[str]) -> str:
    text = str(path)
    return format_value(text)[1:-1] if len(text) > 300 else text


def _content(file: Path, where: str) -> bytes:
    try:
        if file.exists() and not file.is_file():  # reading a pipe or device might never end
            raise InputError(f"{where}: is not a regular file")
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{where}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{where}: cannot be read: {reason}") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{where}: is larger than {_MAX_BYTES:,} bytes, too large for settings")
    return content


def _one_line(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= 300 else f"{line[:297]}..."


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which reads 1e-4 as a number and keys such as `on` as the names that
    they are, and refuses a key that stands twice and whatever has no end or is no setting.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._composed = self._keys = 0
        self._extents: dict[int, tuple[int, int]] = {}
        """By node: how many there are in it and how deep, its aliases written out."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node within the limits; one inside itself is endless."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._extents:  # it is being composed still
                raise _fault(mark, "the aliases have no end or write out to too much")
            return node
        self._depth += 1
        self._composed += 1
        if self._depth > _MAX_DEPTH:
            raise _fault(mark, f"is nested too deeply, in more than {_MAX_DEPTH} levels")
        self._keys += isinstance(parent, yaml.MappingNode) and index is None
        if self._keys > _MAX_KEYS:
            raise _fault(mark, f"has more than {_MAX_KEYS:,} keys, too many for settings")
        if self._composed > _MAX_NODES:
            raise _fault(mark, f"has more than {_MAX_NODES:,} values, too many for settings")
        node = super().compose_node(parent, index)
        self._depth -= 1
        extents = [self._extents[id(child)] for child in _children(node)]
        size = 1 + sum(size for size, _ in extents)
        depth = 1 + max((depth for _, depth in extents), default=0)
        if size > _MAX_NODES or depth > _MAX_DEPTH:
            raise _fault(mark, "the aliases have no end or write out to too much")
        self._extents[id(node)] = (size, depth)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.tag == f"{_TAG}bool":  # what YAML 1.1 makes of `on`
                    key.tag = f"{_TAG}str"
                name = (key.tag, key.value)
                if name in lines:
                    again = format_value(key.value)
                    problem = f"the key {again} stands twice, first on line {lines[name]}"
                    raise _fault(key.start_mark, problem)
                lines[name] = key.start_mark.line + 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node that is a plain one."""
        kind = node.tag.removeprefix(_TAG)
        if node.tag not in _PLAIN:
            problem = f"the tag {format_value(node.tag)} is of no plain value; leave it out"
            raise _fault(node.start_mark, problem)
        number = kind in ("int", "float") and isinstance(node, yaml.ScalarNode)
        if number and len(node.value) > _MAX_DIGITS:
            problem = f"a number of {len(node.value):,} characters; a text is put in quotes"
            raise _fault(node.start_mark, problem)
        try:
            value = super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception:  # noqa: BLE001  # PyYAML's own, of whatever kind, such as a KeyError
            problem = f"{format_value(node.value)} is no {kind}; leave the tag out, or mend it"
            raise _fault(node.start_mark, problem) from None
        if kind == "int" and isinstance(value, int) and not -(2**63) <= value < 2**63:
            problem = "an integer of more than 64 bits; write a number such as 1e30, or a text"
            raise _fault(node.start_mark, f"{problem} in quotes")
        if isinstance(value, str) and (lone := re.search("[\ud800-\udfff]", value)):
            problem = f"{ascii(lone[0])[1:-1]} is half a character; write the whole one"
            raise _fault(node.start_mark, problem)
        return value


def _fault(mark: yaml.Mark, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _children(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


# A date and `=` are texts, as in YAML 1.2: no setting is of another type.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag in _PLAIN]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1 wants a dot and a sign in such a number, so PyYAML makes a text of 1e-4.
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
