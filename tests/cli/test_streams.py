"""Commands whose standard streams are closed, full, or read by nobody."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import tiny


def shell(line, cwd, **variables):
    """Run a line of bash in which $IBSWEEP is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=cwd,
        env={**os.environ, "IBSWEEP": f"{sys.executable} -m ibsweep", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$IBSWEEP sweeps >&-", 0),
        ("$IBSWEEP sweeps 2>&-", 0),
        ("$IBSWEEP sweeps <&- >&- 2>&-", 0),
        ("$IBSWEEP tune nothing >&- 2>&-", 2),
        ("$IBSWEEP tune nothing 2>/dev/full", 2),
    ],
)
def test_a_closed_stream_is_the_null_device(tmp_path, line, code):
    done = shell(line, tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_what_an_encoding_lacks_is_shown(tmp_path):
    tiny.write_question(tmp_path, tiny.YAML.replace("plain CNN", "Größe"))
    done = shell("$IBSWEEP show tiny.yaml", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert r"Gr\xf6\xdfe" in done.stdout


def test_a_full_disk_under_standard_output_is_an_error(tmp_path):
    done = shell("$IBSWEEP questions >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "ibsweep: cannot write to the standard output: no space left on device\n"
    )


def test_a_pipe_that_nobody_reads_ends_a_command_without_a_word(tmp_path):
    done = shell("$IBSWEEP questions | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert done.returncode in (0, 1)  # 0 where it has written before the reader left
    assert done.stderr == ""


def test_closed_numbers_go_to_no_file(tmp_path):
    """What native code prints to a closed stream would end up in a journal."""
    code = (
        "import os\nfrom ibsweep.cli.streams import open_streams\nopen_streams()\n"
        "f = open('journal', 'w')\nos.write(1, b'native')\nos.write(2, b'native')\n"
        "os.system('echo child; echo child >&2')\nprint('here')\nf.write('row')\n"
    )
    done = shell(f'{sys.executable} -c "$CODE" >&- 2>&-', tmp_path, CODE=code)
    assert done.returncode == 0
    assert (tmp_path / "journal").read_text() == "row"
    assert done.stdout == done.stderr == ""


def test_messages_that_nobody_reads_do_not_end_the_process(tmp_path):
    code = (
        "import sys, time\nfrom ibsweep.cli.streams import open_streams\nopen_streams()\n"
        "time.sleep(0.3)\n"
        "for _ in range(3): print('x' * 100000, file=sys.stderr, flush=True)\n"
        "print('done')"
    )
    done = shell(f'{sys.executable} -c "$CODE" 2> >(exec true)', tmp_path, CODE=code)
    assert (done.returncode, done.stdout) == (0, "done\n")
