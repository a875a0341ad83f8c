"""Figures and times as people read them."""

from __future__ import annotations

__all__ = ["clock"]


def clock(seconds: float | None) -> str:
    """Return a time in minutes and seconds, from an hour on in hours too."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
