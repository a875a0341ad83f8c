"""The console that tables, notes and progress are printed on: texts are texts, never markup."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from ibsweep.terminal import beneath, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType

__all__ = ["PlainConsole"]


class PlainConsole(Console):
    """A rich console on which a text says what it says, whoever wrote it.

    Brackets are no markup, ``:smile:`` is no picture, numbers are not coloured, and characters
    that would steer the terminal are shown as Python writes them. Styles are given as arguments.

    Args:
        options: Of ``rich.console.Console``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    @property
    def file(self) -> IO[str]:
        """The stream itself, which gets the styles, whatever stands in for it."""
        found: IO[str] = beneath(super().file)
        return found

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text to print; rich asks for it wherever it is given a string."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render anything; what is no string, such as ``Text``, is made harmless here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
