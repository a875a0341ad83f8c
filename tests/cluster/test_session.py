"""A local Ray tells nothing to whoever has no token."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import ray

from ibsweep.cluster.session import ray_session
from ibsweep.errors import InputError

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SCRIPT = """
import os
import sys
import time

import psutil
import requests

from ibsweep.cluster.session import ray_session


def listening():
    return {
        connection.laddr
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


with ray_session(None):
    import ray

    @ray.remote
    def one():
        return 1

    @ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
    class Dying:
        def live(self, folder):
            died = len(os.listdir(folder))
            if died < 3:
                open(f"{folder}/{died}", "w").close()
                os.kill(os.getpid(), 9)

    assert ray.get(one.remote()) == 1
    dying = Dying.remote()
    # Ray tells of each death, and of some of them at its end
    lives = dying.live.remote(sys.argv[1])
    time.sleep(5)  # the agents start after the cluster
    found = listening()
    answers = []
    for ip, port in found:
        host = "127.0.0.1" if ip in ("::", "0.0.0.0") else ip
        for path in ("/metrics", "/api/jobs/"):
            try:
                answer = requests.get(f"http://{host}:{port}{path}", timeout=5)
            except requests.RequestException:
                continue  # it speaks no HTTP
            answers.append((port, path, answer.status_code))
    ray.get(lives)
    assert len(os.listdir(sys.argv[1])) == 3
print(len(found), answers, file=sys.stderr)
assert len(found) >= 4, found
hosts = {ip.removeprefix("::ffff:") for ip, _ in found}
assert hosts == {"127.0.0.1"}, hosts
assert [one for one in answers if one[2] != 401] == [], answers
"""


def test_it_listens_on_this_machine_alone_answers_nobody_without_the_token_and_prints_nothing(
    tmp_path,
):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "results go there"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:1", "Connection refused; check --address and that its head runs"),
        ("somewhere", "an address is HOST:PORT of the head, or auto"),
        ("127.0.0.1:99999", "an address is HOST:PORT of the head, or auto"),
        ("127.0.0.1:0", "an address is HOST:PORT of the head, or auto"),
        (f"{'x' * 300}:6379", "check --address and that its head runs"),
        ("ray://127.0.0.1:10001", "must run on a node of the cluster"),
    ],
)
def test_an_address_where_nobody_listens_is_refused_at_once(address, reason, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # other tests' Ray would be used
    with pytest.raises(InputError, match=re.escape(reason)), ray_session(address):
        pass
    monkeypatch.setenv("RAY_ADDRESS", address)
    reason = reason.replace("check --address", "check RAY_ADDRESS")
    with pytest.raises(InputError, match=re.escape(reason)), ray_session("auto"):
        pass


def test_a_ray_that_runs_is_used_and_its_head_not_asked_again(monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with ray_session("127.0.0.1:1"):
        pass
