"""Reading YAML that a user wrote: within limits, each fault one line that names the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ibsweep.errors import InputError, format_value

if TYPE_CHECKING:
    import os

__all__ = ["read_yaml"]

_MAX_BYTES = 1_000_000
_MAX_NODES = 100_000


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Args:
        path: The file, in UTF-8.

    Raises:
        InputError: If there is no such regular file, it cannot be read, is larger than a megabyte,
            is not UTF-8 or not YAML, repeats a key, or holds something else.
    """
    file = Path(path)
    try:
        if file.exists() and not file.is_file():  # reading a pipe or device might never end
            raise InputError(f"{path}: is not a regular file")
        content = file.read_bytes() if file.stat().st_size <= _MAX_BYTES else None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from None
    if content is None:
        raise InputError(f"{path}: is larger than {_MAX_BYTES:,} bytes, too large for settings")
    try:
        loader = _Loader(content.decode("utf-8-sig"))
        node = loader.get_single_node()
        if node is not None and _size(node, {}) >= _MAX_NODES:
            raise InputError(f"{path}: its aliases have no end or write out to too much")
        data = None if node is None else loader.construct_document(node)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line}: is not UTF-8; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = "; ".join(filter(None, (error.problem, error.context)))
        raise InputError(f"{path}: {where}{what}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as a 13th month
        raise InputError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply") from None
    if data is None:
        raise InputError(f"{path}: is empty")
    if not isinstance(data, dict):
        raise InputError(
            f"{path}: must hold a mapping of keys to values, but got {format_value(data)}"
        )
    return data


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which reads 1e-4 as a number and keys such as `on` as the names that
    they are, and refuses a key that stands twice.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.tag == "tag:yaml.org,2002:bool":  # what YAML 1.1 makes of `on`
                    key.tag = "tag:yaml.org,2002:str"
                name = (key.tag, key.value)
                if name in lines:
                    problem = f"the key {key.value!r} stands twice, first on line {lines[name]}"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                lines[name] = key.start_mark.line + 1
        return node


# YAML 1.1 wants a dot and a sign in such a number, so PyYAML makes a text of 1e-4.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Count the nodes below one with its aliases written out; one inside itself is endless."""
    if id(node) not in sizes:
        sizes[id(node)] = _MAX_NODES  # what an alias to a node still being counted comes upon
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        sizes[id(node)] = 1 + sum(_size(child, sizes) for child in children)
    return sizes[id(node)]
