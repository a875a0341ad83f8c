"""In the place of a control service that has died: answers every call with an empty message.

Some calls of Ray's core wait for it without a limit, and nothing of Python's reaches the thread
that waits; after a minute the core ends the process. With an answer the thread comes back, and an
interrupt ends what it does.

The answer is that of gRPC over HTTP/2 in its plainest form: whatever is called, an empty message
and the status 0. Nothing of what is asked is read.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

__all__ = ["answer_for_control_service"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with."""
_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_HEAD = b"\x88" + b"\x0f\x10\x10application/grpc"  # status 200 and the type of the content
_EMPTY = b"\0" * 5  # not compressed, no bytes
_STATUS = b"\0\x0bgrpc-status\x010"
_SUBSCRIBER, _COMMANDS, _LEAVES = b"\x0a\x1c", b"\x12", b"GcsUnregisterSubscriber"
"""How messages begin whose first field has 28 bytes, as the id of a subscriber; the next field of
those that hold commands; and the call by which one leaves. All others wait for news, which may not
be empty, and hold up nobody: they get no answer."""
_PAUSE = 0.02
"""Seconds before an answer: what asks again at once must not take all of a CPU."""


def answer_for_control_service(address: str, closed: threading.Event) -> None:
    """Answer at an address, in a thread, until an event is set.

    Args:
        address: ``HOST:PORT`` of the control service that has died.
        closed: Set when nobody asks any more.
    """
    host, port = address.rsplit(":", 1)
    listener = socket.create_server((host, int(port)), reuse_port=True)
    listener.settimeout(0.5)

    def accept() -> None:
        with listener:
            while not closed.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    client.settimeout(None)
                    threading.Thread(target=_serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, name="ibsweep-understudy", daemon=True).start()


def _serve(client: socket.socket) -> None:
    """Answer whatever one client asks."""
    with client, contextlib.suppress(OSError, struct.error), client.makefile("rb") as asked:
        asked.read(len(_PREFACE))
        client.sendall(_frame(_SETTINGS))
        leaving, waiting = set(), set()
        while True:
            high, low, kind, flags, stream = struct.unpack(">BHBBI", asked.read(9))
            length = (high << 16) + low
            content = asked.read(length)
            if kind == _SETTINGS and not flags & _ACK:
                client.sendall(_frame(_SETTINGS, _ACK))
            elif kind == _PING and not flags & _ACK:
                client.sendall(_frame(_PING, _ACK, 0, content))
            elif kind == _DATA and length:
                client.sendall(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", length)))
            message = content[len(_EMPTY) :]
            if kind == _HEADERS and _LEAVES in content:
                leaving.add(stream)
            elif (
                kind == _DATA
                and message.startswith(_SUBSCRIBER)
                and message[30:31] != _COMMANDS
                and stream not in leaving
            ):
                waiting.add(stream)
            if kind in (_DATA, _HEADERS) and flags & _END_STREAM and stream not in waiting:
                time.sleep(_PAUSE)
                client.sendall(
                    _frame(_HEADERS, _END_HEADERS, stream, _HEAD)
                    + _frame(_DATA, 0, stream, _EMPTY)
                    + _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _STATUS)
                )


def _frame(kind: int, flags: int = 0, stream: int = 0, content: bytes = b"") -> bytes:
    length = len(content)
    return struct.pack(">BHBBI", length >> 16, length & 0xFFFF, kind, flags, stream) + content
