"""What reaches a terminal: titles, file names, values and the output of users' code as they are,
but for the characters by which a text could steer it.
"""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GuardedStream", "beneath", "guarded_streams", "say", "show_cursor", "visible"]

_STEERING = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but for tab and newline (C0, DEL, C1), other line ends, what reorders the
line (bidirectional embeddings and isolates), and surrogates, which no encoding takes."""


def visible(text: str) -> str:
    r"""Return a text with the characters that would steer a terminal as Python writes them.

    Newlines and tabs stay.

    Example:
        >>> print(visible("plain, \x1b[31mred\x1b[0m"))
        plain, \x1b[31mred\x1b[0m
    """
    return _STEERING.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def say(text: str, *, to: Literal["stdout", "stderr"] = "stderr", end: str = "\n") -> None:
    """Print a text at once, where the stream is open; what is plain goes through here.

    Args:
        text: What to print; its control characters are shown, not sent.
        to: The standard stream.
        end: What to print after it.
    """
    stream = getattr(sys, to)
    if stream is not None:  # as it is where the caller has closed it
        print(visible(text), end=end, file=stream, flush=True)


def show_cursor() -> None:
    """Bring back the cursor that a live display hid, where standard error is a terminal."""
    stream = beneath(sys.stderr)
    if stream is not None and stream.isatty():
        print("\x1b[?25h", end="", file=stream, flush=True)


def beneath(stream: Any) -> Any:
    """Return the stream beneath those that stand in for it: a guard's, and of a live display."""
    while inner := getattr(stream, "rich_proxied_file", None):
        stream = inner
    return stream


class GuardedStream:
    """A standard stream for code that is not ours: control characters are shown, not sent.

    A carriage return passes, since progress bars are drawn with it.

    Args:
        beneath: Where the text goes.
    """

    def __init__(self, beneath: Any) -> None:
        self.rich_proxied_file = beneath  # the name that rich's own stand-ins have for it

    def write(self, text: str) -> int:
        """Write a text, and return its length as it was given."""
        shown = "\r".join(map(visible, text.split("\r")))
        self.rich_proxied_file.write(shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """Guard both standard streams; closed ones stay closed."""
    before = sys.stdout, sys.stderr
    guarded = [one if one is None else GuardedStream(one) for one in before]
    sys.stdout, sys.stderr = guarded
    try:
        yield
    finally:
        for name, was, now in zip(("stdout", "stderr"), before, guarded, strict=True):
            if getattr(sys, name) is now:  # else somebody has put another there
                setattr(sys, name, was)
