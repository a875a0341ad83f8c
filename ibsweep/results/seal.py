"""Seals: every line of a journal says whether it is what was written, and by which sweep.

A line ends with a field ``check``, the CRC-32 of what stands before it. It begins with the sweep's
name and when it was made, so that a line of another sweep does not pass for one of this.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

__all__ = ["Seal"]

_FIELD = b',"check":"'
_LENGTH = len(_FIELD) + 8 + len(b'"}')


class Seal(NamedTuple):
    """What seals the lines of one owner.

    Attributes:
        owner: Tells whose lines they are.
        required: Whether a line without a seal is damaged; versions up to format 4 wrote none.

    Example:
        >>> seal = Seal(b"mine")
        >>> seal.close(b'{"trial":0}')
        b'{"trial":0,"check":"896cf8fd"}'
        >>> seal.open(seal.close(b'{"trial":0}'))
        b'{"trial":0}'
    """

    owner: bytes
    required: bool = True

    def close(self, line: bytes) -> bytes:
        """Return a line with its seal; it is a JSON object of one field or more."""
        return b'%s%s%08x"}' % (line[:-1], _FIELD, zlib.crc32(line, zlib.crc32(self.owner)))

    def open(self, line: bytes) -> bytes:
        """Return a line without its seal.

        Raises:
            ValueError: If it is not what was written, or another owner's; says what is wrong.
        """
        head, tail = line[:-_LENGTH], line[-_LENGTH:]
        if not tail.startswith(_FIELD):
            if self.required:
                raise ValueError("it has no checksum at its end")
            return line
        content = head + b"}"
        if self.close(content) != line:
            raise ValueError("its checksum is wrong: it was changed, or is another sweep's")
        return content
