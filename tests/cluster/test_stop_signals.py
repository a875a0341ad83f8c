"""Signals that tell a command to stop."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CODE = """
import os, signal, sys
from ibsweep.cluster.stop_signals import handle_stop_signals, stop_requested
sent = signal.Signals[sys.argv[1]]
# the tests themselves may run under nohup
signal.signal(sent, signal.SIG_IGN if "ignored" in sys.argv else signal.SIG_DFL)
handle_stop_signals()
try:
    signal.raise_signal(sent)
    print("goes on", stop_requested())
except KeyboardInterrupt:
    print("interrupted", stop_requested())
"""


def said(*words: str) -> str:
    command = [sys.executable, "-c", CODE, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGUSR1", "SIGXCPU"])
def test_each_interrupts_as_ctrl_c_does(name):
    assert signal.Signals[name]
    assert said(name) == "interrupted True"


def test_a_closed_terminal_ends_nothing_under_nohup():
    assert said("SIGHUP", "ignored") == "goes on False"
