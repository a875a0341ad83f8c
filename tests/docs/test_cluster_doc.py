"""docs/cluster.md: its commands parse, its files are valid and carry the token."""

from __future__ import annotations

import ast
import copy
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import cli as ray_cli
from typer.main import get_command

from ibsweep.cli import app

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "cluster.md").read_text()
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


def lines(program):
    """Return the words after the program's name of each line of the page that calls it."""
    found = [line for block in blocks("sh") for line in block.splitlines()]
    found += re.findall(r"`([^`\n]+)`", DOC)
    pattern = re.compile(rf"(?:\w+=\S+ )*{program} ")
    return [
        shlex.split(re.split(r" [>|] ", line[match.end() :])[0])
        for line in found
        if (match := pattern.match(line))
    ]


def rayjob():
    (job,) = (one for one in map(yaml.safe_load, blocks("yaml")) if "kind" in one)
    return job


def slurm():
    (script,) = blocks("bash")
    return script


def test_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", DOC) if "://" not in link]
    assert len(links) >= 1
    for link in links:
        assert (ROOT / "docs" / link).exists(), link


def test_rays_commands_parse():
    called = [words for words in lines("ray") if len(words) > 1]
    assert len(called) >= 10
    for command, *words in called:
        assert ray_cli.commands[command].make_context(command, words).params


def test_ibsweeps_commands_parse():
    group = get_command(app)
    entrypoint = shlex.split(rayjob()["spec"]["entrypoint"])
    assert entrypoint[:3] == ["python", "-m", "ibsweep"]
    in_job = re.findall(r"python -m ibsweep (.*)", slurm())
    called = [*lines("ibsweep"), entrypoint[3:], *map(shlex.split, in_job)]
    called = [words for words in called if len(words) > 1]
    assert len(called) >= 6
    for command, *words in called:
        assert group.commands[command].make_context(command, words).params


@pytest.mark.parametrize("provider", ["gcp", "azure", "local"])
def test_what_differs_elsewhere_is_taken_by_ray(provider):
    found = [one for one in map(yaml.safe_load, blocks("yaml")) if "provider" in one]
    assert len(found) == 3
    (there,) = (one for one in found if one["provider"]["type"] == provider)
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    if provider == "local":
        for key in ("metadata", "head_node_type", "available_node_types", "max_workers"):
            del config[key]
    config |= there
    ready = prepare_config(copy.deepcopy(config))
    validate_config(ready)
    assert all(
        " RAY_AUTH_MODE=token ~/venv" in ready[f"{n}_start_ray_commands"][-1]
        for n in ("head", "worker")
    )
    with pytest.raises(Exception, match="is not of type 'object'"):
        validate_config(ready | {"provider": []})


def test_the_rayjob_has_the_token_and_the_versions():
    spec = rayjob()["spec"]["rayClusterSpec"]
    assert spec["authOptions"] == {"mode": "token", "secretName": "ibsweep-token"}
    assert "kubectl create secret generic ibsweep-token --from-file=auth_token=" in DOC
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert spec["rayVersion"] == PINS["ray"]
    (image,) = re.findall(r"FROM rayproject/ray:(\S+)-py(\d)(\d+)", DOC)
    (python,) = set(re.findall(r"python(3\.\d+)", (ROOT / "cluster.yaml").read_text()))
    assert image == (PINS["ray"], *python.split("."))
    head, *workers = [
        group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])
    ]
    for pod in (head, *workers):
        (container,) = pod["containers"]
        assert container["image"] == "IMAGE"
    (volume,) = head["volumes"]
    (container,) = head["containers"]
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/results"}]
    assert "--results /results" in rayjob()["spec"]["entrypoint"]
    assert all("volumes" not in pod for pod in workers), "the driver alone writes results"


def test_the_batch_script_is_one_and_sets_the_token_before_ray_starts(tmp_path):
    script = tmp_path / "job.sh"
    script.write_text(slurm())
    subprocess.run(["bash", "-n", str(script)], check=True)
    before, _ = slurm().split("ray start", 1)
    assert "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=" in before
    assert re.search(r'> "\$RAY_AUTH_TOKEN_PATH"', before)
    assert before.index("umask 077") < before.index("RAY_AUTH_TOKEN_PATH")


def test_the_lines_of_python_are_python():
    (code,) = blocks("python")
    assert len(ast.parse(code).body) >= 5
    assert "0.0.0.0/0" not in DOC
    assert "::/0" not in DOC
