"""Seals: every line of a journal says whether it is what was written, by which sweep, after what.

A line ends with a field ``check``: a CRC-32 of the owner (the sweep's name and when it was made),
of the link and of the row; and the link, which is the CRC-32 of the line before. So a line that
was changed is seen, one of another sweep, and that a line is gone.
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

__all__ = ["FIRST", "WRONG", "Seal", "Sealed", "link_after"]

WRONG = "its checksum is wrong: it was changed, or is another sweep's"
"""What is said of a line that was not written so by its owner."""

FIRST = b"00000000"
"""The link of a journal's first line, and of one after a line without a seal."""

_FIELD = b',"check":"'
_LENGTH = len(_FIELD) + 16 + len(b'"}')
_END = re.compile(rb',"check":"([0-9a-f]{8})[0-9a-f]{8}"}\n\Z')


class Sealed(NamedTuple):
    """A line without its seal.

    Attributes:
        content: The row.
        check: Its CRC-32, to which the line after it is linked; None where it has no seal.
        link: That of the line before it; None where it has no seal.
    """

    content: bytes
    check: bytes | None
    link: bytes | None


class Seal(NamedTuple):
    """What seals the lines of one owner.

    Attributes:
        owner: Tells whose lines they are.
        required: Whether a line without a seal is damaged; versions up to format 4 wrote none.

    Example:
        >>> seal = Seal(b"mine")
        >>> seal.close(b'{"trial":0}')
        b'{"trial":0,"check":"cac386a400000000"}'
        >>> seal.open(seal.close(b'{"trial":0}')).content
        b'{"trial":0}'
    """

    owner: bytes
    required: bool = True

    def close(self, line: bytes, link: bytes = FIRST) -> bytes:
        """Return a line, a JSON object of one field or more, with its seal.

        Args:
            line: The line.
            link: ``check`` of the line before it.
        """
        return b'%s%s%s%s"}' % (line[:-1], _FIELD, self._check(line, link), link)

    def open(self, line: bytes) -> Sealed:
        """Return a line without its seal.

        Raises:
            ValueError: If it is not what was written, or another owner's; says what is wrong.
        """
        head, tail = line[:-_LENGTH], line[-_LENGTH:]
        if not tail.startswith(_FIELD):
            if self.required:
                raise ValueError("it has no checksum at its end")
            return Sealed(line, None, None)
        content, check, link = head + b"}", tail[10:18], tail[18:26]
        if check != self._check(content, link) or not tail.endswith(b'"}'):
            raise ValueError(WRONG)
        return Sealed(content, check, link)

    def _check(self, line: bytes, link: bytes) -> bytes:
        return b"%08x" % zlib.crc32(line, zlib.crc32(link, zlib.crc32(self.owner)))


def link_after(end: bytes) -> bytes:
    """Return the link of a line that is appended to a journal which ends with these bytes."""
    found = _END.search(end)
    return FIRST if found is None else found[1]
