"""How to go on: a sentence for people, and in a job a line that ``stop`` reads."""

from __future__ import annotations

import pytest

from ibsweep.cli import run
from ibsweep.cli.interruption import HowToResume, LogFilter
from ibsweep.cluster.in_job import IN_JOB

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


def report(monkeypatch, capsys):
    """Return what a command that is interrupted prints in a job: two lines."""
    monkeypatch.setenv(IN_JOB, "a-job")
    HOWS[0].report_interruption()
    return capsys.readouterr().err


def test_a_report_that_a_kill_cut_off_is_none(monkeypatch, capsys):
    whole = report(monkeypatch, capsys).rstrip()
    begin = whole.index("ibsweep-job: ")
    for end in range(begin, len(whole)):
        assert HowToResume.from_log(whole[:end]) is None
    for other in ("[]", "1", "{}", '{"progress": "5 of 60", "resume": 1}'):
        assert HowToResume.from_log(f"{whole[:begin]}ibsweep-job: {other}\n") is None


@pytest.mark.parametrize("size", [1, 2, 7, 13, 1000])
@pytest.mark.parametrize("end", ["", "i", "ibsweep", "ibsweep: error", "\n\nibsweep-jobs\n"])
def test_people_see_a_log_without_the_line_for_programs(monkeypatch, capsys, size, end):
    """In pieces of any length, as following brings them."""
    sentence, line, _ = report(monkeypatch, capsys).split("\n")
    assert line.startswith("ibsweep-job: {")
    before = f"long: 5/60\n\nibsweep-jobs and not {line}\n{sentence}\n"
    log = f"{before}{line}\n{end}"
    shown = []
    log_filter = LogFilter(shown.append)
    for start in range(0, len(log), size):
        log_filter.feed(log[start : start + size])
    log_filter.close()
    assert "".join(shown) == before + end


def test_what_is_for_people_is_shown_as_soon_as_it_comes():
    shown = []
    log_filter = LogFilter(shown.append)
    for piece in ("long: 5", "/60", "\nib", "sweep: inter", "rupted\nibsweep-job: {"):
        log_filter.feed(piece)
    assert shown == ["long: 5", "/60", "\n", "ibsweep: inter", "rupted\n"]
    log_filter.close()
    assert len(shown) == 5, "a line for programs that was cut off is none for people"


def test_an_interruption_before_anything_runs_is_told(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("ibsweep.questions.files.load_all", interrupt)
    assert run(["questions"]) == 130
    assert capsys.readouterr().err == "ibsweep: interrupted\n"
