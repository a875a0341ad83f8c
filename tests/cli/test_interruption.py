"""How to go on: a sentence for people, and in a job a line that ``stop`` reads."""

from __future__ import annotations

import pytest

from ibsweep.cli.interruption import HowToResume
from ibsweep.cluster.jobs import IN_JOB

HOWS = [
    HowToResume("5 of 60 trials of long are done, all of it safe", ("long", "--results", "/a b")),
    HowToResume("what is trained is safe"),
]


@pytest.mark.parametrize("how", HOWS)
def test_stop_reads_what_the_command_of_a_job_has_reported(monkeypatch, capsys, how):
    monkeypatch.setenv(IN_JOB, "a-job")
    HowToResume("an earlier one").report_interruption()
    how.report_interruption()
    out, err = capsys.readouterr()
    assert out == ""
    assert HowToResume.from_log(f"long: 5/60\n{err}terminated\n") == how


@pytest.mark.parametrize("how", HOWS)
def test_outside_of_jobs_the_sentence_is_all(monkeypatch, capsys, how):
    monkeypatch.delenv(IN_JOB, raising=False)
    how.report_interruption()
    _, err = capsys.readouterr()
    assert err == f"ibsweep: interrupted; {how.text()}\n"
    assert HowToResume.from_log(err) is None, "words are not what is read"


def test_the_sentence_calls_the_command_as_it_is_called_where_it_is_read():
    first, second = HOWS
    assert first.text("ibsweep submit -- resume") == (
        "5 of 60 trials of long are done, all of it safe, go on with: "
        "ibsweep submit -- resume long --results '/a b'"
    )
    assert second.text() == "what is trained is safe, the same command goes on from there"
