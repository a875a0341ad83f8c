"""What ``--results`` stands for, on the command line and in ``load``."""

from __future__ import annotations

import json
import time

import pytest
import tiny
from machines import begin, mirror

from ibsweep.cli import run
from ibsweep.errors import InputError
from ibsweep.results import location
from ibsweep.results.location import display_path, fetch_results, no_transfer, results_directory
from ibsweep.sweep import runner


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("variable", ["cache", ""])
def test_copies_stay_where_they_were_on_every_system(tmp_path, monkeypatch, variable):
    """They may hold rows that are not at the URL yet."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_: tmp_path / "Caches")
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", variable and str(tmp_path / variable))
    cache = tmp_path / (variable or ".cache")
    with no_transfer():
        copy = results_directory("s3://bucket/results")
    assert copy == cache / "ibsweep" / "results" / "3333f854ef497dc6"


def test_a_file_url_is_the_directory_itself(tmp_path, capsys):
    begin(tmp_path / "my results")
    url = (tmp_path / "my results").as_uri()
    assert "%20" in url
    assert results_directory(url) == tmp_path / "my results"
    assert run(["sweeps", "--results", url]) == 0
    assert "tiny" in capsys.readouterr().out


def test_a_sweep_goes_to_a_url_and_its_messages_name_it(cache, tmp_path, capsys, ray_local):
    path = tiny.write_question(tmp_path)
    budget = ["--trials", "2", "--replicates", "2", "--confirm", "1", "--confirm-replicates", "2"]
    url = "mock://bucket/results"
    assert run(["tune", str(path), "--name", "s", *budget, "--results", url, "--json"]) == 0
    (sweep,) = json.loads(capsys.readouterr().out)["sweeps"]
    assert sweep["directory"] == "mock://bucket/results/s"
    (index,) = cache.rglob(".mirror.json")
    pushed = json.loads(index.read_bytes())
    assert {"s/manifest.json", "s/trials.jsonl", "s/best.pt", "s/best.yaml"} <= pushed.keys()
    assert all(stamps["there"] for stamps in pushed.values())


def test_a_sweep_that_can_be_placed_nowhere_stays_in_neither_place(
    tmp_path, there, monkeypatch, capsys, ray_local
):
    monkeypatch.setattr("ibsweep.results.mirror._PUSH_SECONDS", 0.01)
    copy = tmp_path / "a"
    one = mirror(there, copy)
    one.start()
    monkeypatch.setitem(location._mirrors, copy, one)
    check = runner.check_nodes

    def check_when_it_is_there(*given, **options):
        """Refuse the sweep when it has come to its URL, and not before."""
        deadline = time.monotonic() + 60
        while "results/s/manifest.json" not in one.remote.filesystem.written:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return check(*given, **options)

    monkeypatch.setattr(runner, "check_nodes", check_when_it_is_there)
    path = tiny.write_question(tmp_path)
    words = ["tune", str(path), "--name", "s", "--cpus-per-trial", "64", "--results", str(copy)]
    assert run(words) == 2
    assert "a lower --cpus-per-trial" in capsys.readouterr().err
    assert not (copy / "s").exists()
    assert not (there / "results/s").exists()
    mirror(there, copy)
    assert not (copy / "s").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("fsspec+nothing://b/x", "name a directory, or a URL"),
        ("s3://", "s3:// names no bucket: a URL is such as s3://bucket/folder"),
        ("s3://user:pass@bucket/x", "a password in the URL of --results would stand in"),
        ("nowhere://bucket/x", "Unrecognized filesystem type in URI: nowhere://bucket/x"),
        ("s3://b?endpoint_override=127.0.0.1:9&scheme=http&region=x", "cannot reach s3://b?"),
    ],
)
def test_a_url_that_is_none_or_cannot_be_reached_is_one_clear_error(cache, url, message, capsys):
    assert run(["sweeps", "--results", url]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert message in line
    assert "pass@" not in line


def test_checks_for_another_machine_reach_for_nothing(cache):
    with no_transfer():
        copy = results_directory("s3://bucket/results/")
    assert not copy.exists()
    assert display_path(copy / "s") == "s3://bucket/results/s"
    with no_transfer():
        copy = results_directory("s3://bucket?region=here")
    assert display_path(copy / "s") == "s3://bucket/s?region=here"


def test_frames_are_read_from_a_url(cache):
    with pytest.raises(InputError, match="Unrecognized filesystem"):
        fetch_results("nowhere://bucket")
    assert fetch_results("mock://bucket/x").is_dir()
