"""Jobs on a cluster: a real head, real clients in processes of their own."""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests
import tiny
from head import free_ports
from typer.main import get_command

from ibsweep.cli import app, run
from ibsweep.cli.submit import checked, job_command
from ibsweep.errors import InputError
from ibsweep.results.records import TrialState
from ibsweep.results.store import SweepStore

on_a_cluster = [pytest.mark.ray, pytest.mark.slow]

TRIALS = 60
SLOW = tiny.YAML.replace("low: 5, high: 40", "low: 600, high: 1800").replace(
    "epochs: 20", "epochs: 1200"
)


def start(head, folder, *words, stdout=subprocess.PIPE, **settings):
    """Start the command line as a client of the head."""
    return subprocess.Popen(
        [sys.executable, "-m", "ibsweep", *words],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=head.environment(**settings),
    )


def client(head, folder, *words, timeout=240, **settings):
    """Run the command line as a client of the head; return code, output and errors."""
    process = start(head, folder, *words, **settings)
    out, err = process.communicate(timeout=timeout)
    assert "Traceback" not in err
    return process.returncode, out, err


def jobs(head, folder):
    code, out, err = client(head, folder, "jobs", "--json")
    assert code == 0, err
    return {job["job"]: job for job in json.loads(out)["jobs"]}


def lines(path):
    return path.read_text().split("\n")[:-1] if path.exists() else []


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestOnACluster:
    """What needs a head; one after another on the same one."""

    pytestmark = on_a_cluster

    def test_a_submitted_sweep_is_the_same_sweep(self, ray_head, tmp_path):
        """The question file goes along, the trials run in the cluster, results stay there."""
        tiny.write_question(tmp_path)
        words = ["tune", "tiny.yaml", "--trials", "3", *tiny.BUDGET, "--name", "mine"]
        code, out, err = client(ray_head, tmp_path, "submit", "--", *words)
        assert code == 0, err
        assert re.fullmatch(r"tune-tiny-[0-9a-f]{6}\n", out), "the id alone"
        assert "results go to ~/results on the cluster's head" in err
        job = out.strip()
        code, out, err = client(ray_head, tmp_path, "logs", job, "--follow")
        assert (code, err) == (0, "")
        assert "mine: 3/3" in out
        assert client(ray_head, tmp_path, "logs", job) == (0, out, "")
        store = SweepStore(ray_head.home / "results" / "mine")
        assert len(store.trials()) == 3
        assert all(row.state != TrialState.FAIL for row in store.trials())
        assert store.paths.best_config.exists()
        assert store.manifest.address == "auto"
        assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"], "nothing here"
        told = jobs(ray_head, tmp_path)[job]
        assert told["state"] == "succeeded"
        assert told["seconds"] > 1
        assert told["command"].startswith("python -m ibsweep tune tiny.yaml --trials 3 ")
        assert told["command"].endswith(" --name mine --address auto --results ~/results")
        code, out, _ = client(ray_head, tmp_path, "jobs")
        assert code == 0
        (row,) = [line for line in out.splitlines() if line.startswith(job)]
        assert "succeeded" in row
        assert " tune tiny.yaml " in row
        # a driver that had started a Ray of its own would be unknown to the cluster
        token = {"Authorization": f"Bearer {ray_head.token.read_text()}"}
        details = requests.get(f"{ray_head.address}/api/jobs/{job}", headers=token, timeout=10)
        assert details.json()["driver_info"]["pid"]

    def test_following_can_end_before_the_job_and_stopping_leaves_it_resumable(
        self, ray_head, tmp_path
    ):
        tiny.write_question(tmp_path, SLOW)
        results = tmp_path / "there"  # absolute, so it is not in the home directory
        root = results / "long"
        words = ["tune", "tiny.yaml", "--trials", str(TRIALS), *tiny.BUDGET, "--name", "long"]
        printed = tmp_path / "printed"
        with printed.open("w") as out:
            follower = start(
                *(ray_head, tmp_path, "submit", "--follow", "--name", "long-job", "--"),
                *(*words, "--results", str(results)),
                stdout=out,
            )
        second = f"long: 2/{TRIALS}"
        wait_until(lambda: second in printed.read_text() or follower.poll() is not None)
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=30)
        assert follower.returncode == 130, err
        assert printed.read_text().startswith("long-job\n")
        assert (
            "long-job is still running; `ibsweep logs long-job --follow` to go on, "
            "`ibsweep stop long-job` to end it"
        ) in err
        assert "Traceback" not in err
        assert jobs(ray_head, tmp_path)["long-job"]["state"] == "running"
        assert SweepStore(root).is_running()

        code, out, err = client(ray_head, tmp_path, "stop", "long-job")
        assert (code, err) == (0, "")
        assert not SweepStore(root).is_running(), "the lock is released"
        kept = lines(root / "trials.jsonl")
        assert 2 <= len(kept) < TRIALS
        assert f"{len(kept)} of {TRIALS} trials of long are done, all of it safe" in out
        assert (root / "study.log").exists(), "it ended by itself and was not killed"
        assert drivers(ray_head, "long") == []
        assert jobs(ray_head, tmp_path)["long-job"]["state"] == "stopped"
        assert client(ray_head, tmp_path, "stop", "long-job")[:2] == (
            *(0, "long-job has ended before: stopped\n"),
        )
        code, out_again, err = client(ray_head, tmp_path, "logs", "long-job", "--follow")
        assert code == 1
        assert "long-job was stopped" in err
        assert f"ibsweep: interrupted; {len(kept)} of {TRIALS}" in out_again
        assert "ibsweep-job: " not in out_again, "what is for programs"
        assert client(ray_head, tmp_path, "logs", "long-job") == (0, out_again, "")

        said = re.search(r"go on with: ibsweep (submit .*)\n", out)
        first, *rest = shlex.split(said[1])
        assert rest == ["--", "resume", "long", "--results", str(results)]
        code, out, err = client(ray_head, tmp_path, first, "--follow", *rest)
        assert code == 0, err
        after = lines(root / "trials.jsonl")
        assert after[: len(kept)] == kept, "a finished trial was lost or changed"
        rows = SweepStore(root).trials()
        assert sorted(row.trial for row in rows) == list(range(TRIALS))
        assert SweepStore(root).paths.best_config.exists()

    def test_a_job_that_fails_says_so(self, ray_head, tmp_path):
        words = ["submit", "--follow", "--name", "failing", "--", "resume", "nothing"]
        code, out, err = client(ray_head, tmp_path, *words)
        assert code == 1
        assert "no sweep named 'nothing' in" in out
        assert "failing failed with exit code 2" in err
        code, out, err = client(ray_head, tmp_path, "submit", "--name", "failing", *words[4:])
        assert (code, out) == (2, "")
        assert "a job named 'failing' is at" in err

    def test_unknown_jobs_get_near_names(self, ray_head, tmp_path):
        client(ray_head, tmp_path, "submit", "--name", "a-job", "--", "resume", "nothing")
        for command in (["logs"], ["logs", "--follow"], ["stop"]):
            code, out, err = client(ray_head, tmp_path, *command, "a-jbo")
            assert (code, out) == (2, "")
            assert f"no job 'a-jbo' at {ray_head.address}: did you mean 'a-job'" in err

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"RAY_AUTH_TOKEN_PATH": None, "HOME": "/nowhere"}, "wants its token: put it into"),
            ({"RAY_AUTH_TOKEN_PATH": "/nowhere/token"}, "which is missing or empty"),
            ({"RAY_AUTH_TOKEN": "0" * 64}, "refuses this token"),
        ],
        ids=["none", "missing", "wrong"],
    )
    def test_a_client_without_the_token_gets_nothing(self, ray_head, tmp_path, settings, message):
        before = jobs(ray_head, tmp_path).keys()
        for words in (
            ["jobs", "--json"],
            ["logs", "long-job", "--follow"],
            ["stop", "long-job"],
            ["submit", "--", "resume", "all"],
        ):
            code, out, err = client(ray_head, tmp_path, *words, **settings)
            assert (code, out) == (2, "")
            assert message in err
            assert err.count("\n") == 1
        assert jobs(ray_head, tmp_path).keys() == before

    @pytest.mark.parametrize("token", [None, "0" * 64])
    def test_the_job_server_tells_nothing_without_the_token(self, ray_head, tmp_path, token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        mark = tmp_path / "mark"
        body = {"entrypoint": f"touch {mark}", "submission_id": "intruder"}
        for method, path in (
            ("GET", "/api/jobs/"),
            ("GET", "/api/jobs/failing/logs"),
            ("POST", "/api/jobs/"),
            ("POST", "/api/jobs/failing/stop"),
            ("DELETE", "/api/jobs/failing"),
        ):
            answer = requests.request(
                method, ray_head.address + path, headers=headers, json=body, timeout=10
            )
            assert answer.status_code == (403 if token else 401), path
            assert "entrypoint" not in answer.text
        assert "intruder" not in jobs(ray_head, tmp_path)
        assert not mark.exists()

    def test_the_job_server_listens_on_loopback_alone(self, ray_head):
        port = int(ray_head.address.rsplit(":", 1)[1])
        listening = {
            connection.laddr.ip
            for process in psutil.Process(ray_head.pid).children(recursive=True)
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        }
        assert listening == {"127.0.0.1"}


def drivers(head, sweep):
    """Return the command lines under the head that run a sweep."""
    found = []
    for process in psutil.Process(head.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # ended meanwhile, or ended and not yet waited for
            found.append(process.cmdline())
    return [line for line in found if "ibsweep" in line and sweep in line]


@pytest.fixture
def nobody(tmp_path, monkeypatch):
    """An address where nothing listens, as the default; and a question file to tune."""
    monkeypatch.chdir(tmp_path)
    tiny.write_question(tmp_path)
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", address)
    return address


@pytest.mark.parametrize(
    "words",
    [
        ["tune", "q7_widr"],
        ["tune"],
        ["tune", "q7_wider", "--trials", "0"],
        ["tune", "q7_wider", "--trials", "many"],
        ["tune", "q7_wider", "--trial", "5"],
        ["tune", "q7_wider", "--sampler", "tpes"],
        ["tune", "q7_wider", "--time-budget", "soon"],
        ["tune", "q7_wider", "--name", "../out"],
        ["tune", "q7_wider", "q7"],
        ["tune", "none.yaml"],
        ["replicate", "tiny.yaml"],
        ["replicate", "q2", "--seeds", "0"],
        ["efficiency"],
        ["resume", "all", "--trials", "5"],
        ["tun", "q7"],
    ],
)
def test_a_wrong_command_is_told_as_it_tells_itself_and_not_submitted(capsys, nobody, words):
    """Were it submitted, the error would be that nobody listens."""
    assert run(words) == 2
    _, expected = capsys.readouterr()
    assert run(["submit", "--", *words]) == 2
    assert capsys.readouterr() == ("", expected)
    assert run(["submit", *words]) == 2, "the dashes may be left out"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    "line",
    [
        "tune q7_wider",
        "tune q7 --sweeps 3 --seed 20",
        "tune a/tiny.yaml b/tiny.yaml q7 --trials 3 --gpus-per-trial 0.25 --quick -q --json",
        "tune --time-budget 5m --name 'one' --every-epoch all --address 10.0.0.1:6379",
        "replicate q2 q3 --seeds 4 --results /there",
        "efficiency q2 --train-size 10 --train-size 20",
        "resume one two --results 'with space'",
    ],
)
def test_what_is_submitted_means_what_was_written(tmp_path, monkeypatch, line):
    """Files get the names that they have in the job's directory, all else is as it was."""
    monkeypatch.chdir(tmp_path)
    for folder, arm in (("a", "first"), ("b", "second")):
        (tmp_path / folder).mkdir()
        tiny.write_question(tmp_path / folder, tiny.YAML.replace("tiny_cnn", arm))
    monkeypatch.setenv("HOME", "/home/somebody")
    command = get_command(app)
    with command.make_context("ibsweep", ["questions"]) as root:
        words = shlex.split(line)
        job = job_command(checked(root, words), "python3")
        shell = ["sh", "-c", f"printf '%s\\n' {job.line}"]
        done = subprocess.run(shell, text=True, capture_output=True, check=True)
        given = done.stdout.splitlines()
        assert given[:3] == ["python3", "-m", "ibsweep"]
        expected = command.commands[words[0]].make_context(words[0], words[1:]).params
        found = command.commands[given[3]].make_context(given[3], given[4:]).params
    if "yaml" in line:
        assert job.files == {"tiny.yaml": Path("a/tiny.yaml"), "1-tiny.yaml": Path("b/tiny.yaml")}
        expected["targets"][:2] = job.files
    else:
        assert job.files == {}
    expected["address"] = expected["address"] or "auto"
    expected["results"] = Path("/home/somebody") / expected["results"]
    assert found == expected


@pytest.mark.parametrize(
    "words",
    [
        ["submit", "--", "tune", "tiny.yaml", "--trials", "2"],
        ["submit", "--", "resume", "all"],
        ["jobs"],
        ["logs", "one"],
        ["stop", "one"],
    ],
)
def test_where_nothing_listens_it_says_what_would_be_right(capsys, nobody, words):
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"no Ray job server answers at {nobody}" in err
    assert "--address or in RAY_API_SERVER_ADDRESS" in err
    assert err.count("\n") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["submit", "--", "show", "q7"], "`show` is no job for a cluster"),
        (["submit", "--", "jobs"], "`jobs` is no job for a cluster"),
        (["submit"], "Missing argument"),
        (["submit", "--json", "--follow", "--", "tune", "q7"], "exclude each other"),
        (["submit", "--name", "a/b", "--", "tune", "q7"], "a job's name is"),
        (["jobs", "--address", "ray://127.0.0.1:10001"], "such as http://127.0.0.1:8265, but got"),
        (["jobs", "--address", "http://127.0.0.1:x"], "such as http://127.0.0.1:8265, but got"),
        (["logs"], "Missing argument 'JOB|SWEEP'"),
    ],
)
def test_wrong_use_gets_a_clear_line(capsys, nobody, words, message):
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, b"nothing", "is no Ray job server (status 404)"),
        (200, b"hello", "is no Ray job server (status 200)"),
        (200, b'{"ray_version": "2.60.0"}', "runs without token authentication"),
    ],
)
def test_what_is_no_job_server_with_a_token_is_refused(capsys, nobody, status, body, message):
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            code = run(["jobs", "--address", address])
        finally:
            server.shutdown()
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert address in err
    assert err.count("\n") <= 2
    assert os.environ["RAY_API_SERVER_ADDRESS"] == nobody


def test_help_of_submit_and_of_what_it_submits_is_light():
    for words in (["submit", "--help"], ["jobs", "--help"]):
        command = [sys.executable, "-X", "importtime", "-m", "ibsweep", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
        assert "ibsweep.cli.submit" in loaded
        assert not {"torch", "ray", "optuna", "requests", "aiohttp"} & loaded


def test_a_sampler_of_one_s_own_goes_along_with_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.write_question(tmp_path)
    (tmp_path / "my own").mkdir()
    (tmp_path / "my own" / "mine.py").write_text("")
    words = ["tune", "tiny.yaml", "--sampler", "my own/mine.py:Walk:width=3,wide=true"]
    with get_command(app).make_context("ibsweep", ["questions"]) as root:
        job = job_command(checked(root, words), "python3")
        assert "--sampler my-own/mine.py:Walk:width=3,wide=true" in job.line
        assert job.files == {"tiny.yaml": Path("tiny.yaml"), "my-own": tmp_path / "my own"}
        words[-1] = "optuna.samplers:RandomSampler"
        job = job_command(checked(root, words), "python3")
        assert "--sampler optuna.samplers:RandomSampler" in job.line
        assert set(job.files) == {"tiny.yaml"}


def test_configurations_to_be_tried_first_go_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.write_question(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yaml").write_text("- {lr: 0.05}\n")
    words = ["tune", "tiny.yaml", "--enqueue", "a/mine.yaml", "--enqueue", "b/mine.yaml"]
    with get_command(app).make_context("ibsweep", ["questions"]) as root:
        job = job_command(checked(root, words), "python3")
        assert "tune tiny.yaml --enqueue mine.yaml --enqueue 2-mine.yaml" in job.line
        assert job.files == {
            "tiny.yaml": Path("tiny.yaml"),
            "mine.yaml": Path("a/mine.yaml"),
            "2-mine.yaml": Path("b/mine.yaml"),
        }
        Path("a/mine.yaml").write_text("- {lr: 7}\n")
        with pytest.raises(InputError, match=r"a/mine.yaml: \[0\].lr: must be a number"):
            checked(root, words)
