"""A thread that is interrupted until the block that is to end has ended, and no later."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys, threading, time
from ibsweep.cluster import interrupts

interrupts._PAUSE = 0.15
ended = []

def block(seconds):
    mine = interrupts.Interrupts()
    sender = threading.Thread(target=mine.send_until_left)
    sender.start()
    how = "well"
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pass
        mine.leave()
    except KeyboardInterrupt:
        mine.leave()
        how = "interrupted"
    ended.append(how)
    sender.join()

def blocks():
    for seconds in (5, 0.1499, 0.15, 0.1501, 0):
        block(seconds)
    time.sleep(0.05)
    print(ended[0], len(ended), ended[-1])

def waits():
    mine = interrupts.Interrupts()
    threading.Thread(target=mine.send_until_left).start()
    try:
        time.sleep(50)
    except KeyboardInterrupt:
        mine.leave()
        print("interrupted")

exec(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("blocks()", "interrupted 5 well"),
        ("t = threading.Thread(target=blocks); t.start(); t.join()", "interrupted 5 well"),
        ("waits()", "interrupted"),
    ],
)
def test_none_arrives_after_the_block(code, said):
    command = [sys.executable, "-c", CODE, code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, said, "")
