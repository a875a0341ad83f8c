"""What becomes of a command whose Ray died under it."""

from __future__ import annotations

__all__ = ["Recovery"]


class Recovery:
    """In a process that is the user's own, the thread that runs the session raises an error.

    A command line has more to choose from, see ``cli/restart.py``.
    """

    @property
    def owns_process(self) -> bool:
        """Whether nothing else runs in the process: all of its Ray may be ended at once."""
        return False

    def how_to_resume(self) -> str:
        """Return how to go on, for the end of a sentence."""
        return "what is finished is safe, give the command again"

    def begin_again(self, daemon: str) -> None:
        """Begin the command anew in place of this process, with a new local Ray.

        Called from a thread of the watch's; where it cannot be done, it returns.

        Args:
            daemon: Which of Ray's daemons died.
        """

    def end(self, reason: str | None, hint: str = "") -> None:
        """End the process with a word on how to go on; likewise, it returns where it may not.

        Args:
            reason: What happened; None where the command was told to stop, but cannot by itself.
            hint: What to say after how to go on.
        """
