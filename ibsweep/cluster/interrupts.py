"""Has a thread of this process raise ``KeyboardInterrupt``, also out of a call of Ray's."""

from __future__ import annotations

import ctypes
import signal
import threading
import time

__all__ = ["Interrupts"]

_PAUSE = 2.0
"""Seconds before each: what is interrupted may catch one, or end by itself."""


class Interrupts:
    """Those of the thread that makes it, until the block that is to end has ended."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._sending, self._sent = threading.Lock(), False
        self._left = threading.Event()

    def send_until_left(self) -> None:
        """Interrupt it again and again; another thread calls this."""
        while not self._left.wait(_PAUSE):
            with self._sending:
                if not self._left.is_set():
                    self._sent = True
                    self._send()

    def leave(self) -> None:
        """Have none arrive any more; the thread itself calls this where its block has ended.

        Raises:
            KeyboardInterrupt: If the user has interrupted it just now.
        """
        try:
            with self._sending:
                self._left.set()
            time.sleep(0)  # one that is on its way arrives now
        except KeyboardInterrupt:
            self._left.set()
            if not self._sent:
                raise

    def _send(self) -> None:
        main = threading.main_thread().ident
        if self._thread == main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.pthread_kill(self._thread, signal.SIGINT)  # which ends a call of the system's
            return
        raised = ctypes.py_object(KeyboardInterrupt)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), raised)
