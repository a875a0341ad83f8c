"""cluster.yaml, as Ray's launcher reads it; each check is tried against broken files too."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from functools import partial
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from ray.autoscaler._private.node_provider_availability_tracker import NodeAvailabilitySummary
from ray.autoscaler._private.resource_demand_scheduler import (
    _default_utilization_scorer,
    get_nodes_for,
)
from ray.autoscaler._private.util import prepare_config, validate_config

from ibsweep.questions.files import load_all
from ibsweep.sweep.manifest import make_manifest
from ibsweep.sweep.options import SweepOptions

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(
    line.lower().replace("_", "-").split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)
COMMANDS = (
    "initialization_commands",
    *("setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands"),
)
WORLD = ("0.0.0.0/0", "::/0")


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def prepared(config):
    """What the launcher works with: Ray's own defaults stand in for every key that is absent."""
    return prepare_config(copy.deepcopy(config))


def commands(config, *keys):
    ready = prepared(config)
    return list(dict.fromkeys(command for key in keys or COMMANDS for command in ready[key]))


def workers(config):
    return {k: v for k, v in config["available_node_types"].items() if k != "head"}


# --- Ray's schema ---


def test_ray_takes_it(config):
    validate_config(prepared(config))


def unknown_key(config):
    config["setup"] = []


def cpus_in_words(config):
    config["available_node_types"]["cpu"]["resources"]["CPU"] = "sixteen"


def no_such_head(config):
    config["head_node_type"] = "brain"


def too_many_at_first(config):
    config["available_node_types"]["cpu"]["min_workers"] = config["max_workers"] + 1


@pytest.mark.parametrize("breaking", [unknown_key, cpus_in_words, no_such_head, too_many_at_first])
def test_ray_refuses_a_broken_one(config, breaking):
    breaking(config)
    with pytest.raises((jsonschema.ValidationError, ValueError, KeyError)):
        validate_config(prepared(config))


def test_head_stays_and_workers_come_and_go(config):
    types = prepared(config)["available_node_types"]
    assert "InstanceMarketOptions" not in types["head"]["node_config"]
    assert types["head"]["max_workers"] == 0
    assert len(workers(config)) == 2
    for worker in workers(config).values():
        assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
        assert worker["min_workers"] == 0


# --- what a trial needs ---


def requests(**options):
    """What a trial of every arm asks a node for."""
    manifests = [
        make_manifest("sweep", question, arm, SweepOptions(**options), [])
        for question in load_all().values()
        for arm in question.arms.values()
    ]
    asked = ({"CPU": m.cpus_per_trial, "GPU": m.gpus_per_trial} for m in manifests)
    return [{name: amount for name, amount in one.items() if amount} for one in asked]


def placed(config, demands):
    """Let Ray's scheduler choose nodes; return how many of each type, and what fits nowhere."""
    ready = prepared(config)
    return get_nodes_for(
        ready["available_node_types"],
        {},
        ready["head_node_type"],
        ready["max_workers"],
        demands,
        partial(
            _default_utilization_scorer,
            node_availability_summary=NodeAvailabilitySummary(node_availabilities={}),
        ),
    )


def test_a_trial_of_every_arm_fits_with_the_default_flags(config):
    demands = requests()
    assert len(demands) >= 15
    nodes, unplaced = placed(config, demands)
    assert unplaced == []
    assert set(nodes) == {"cpu"}  # a GPU is not bought for trials that ask for none


def test_four_trials_share_a_gpu(config):
    demands = requests(gpus_per_trial=0.25)
    nodes, unplaced = placed(config, demands[:8])
    assert unplaced == []
    assert nodes == {"gpu": 2}
    gpu = config["available_node_types"]["gpu"]["max_workers"]
    assert len(demands) > 4 * gpu
    assert len(placed(config, demands)[1]) == len(demands) - 4 * gpu  # these wait for their turn


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({"CPU": 0}, {}),
        ({"CPU": 16}, {"gpus_per_trial": 0.25}),
        ({"CPU": 4}, {"cpus_per_trial": 8}),
    ],
)
def test_what_fits_nowhere_is_seen(config, resources, options):
    for worker in workers(config).values():
        worker["resources"] = resources
    demands = requests(**options)
    assert placed(config, demands) == ({}, demands)


# --- who may come in ---


def openings(config):
    """Return what would let the world in."""
    ready = prepared(config)
    found = [
        f"{name}: a group made by Ray admits ssh from everywhere"
        for name, node in ready["available_node_types"].items()
        if not node["node_config"].get("SecurityGroupIds")
    ]
    text = yaml.safe_dump(ready)
    found += [f"a rule for {source}" for source in WORLD if source in text]
    starts = [command for command in commands(config) if "ray start" in command]
    assert len(starts) == 2
    for command in starts:
        hosts = re.findall(r"--dashboard-host[= ](\S+)", command)
        found += [f"the dashboard on {host}" for host in hosts if host != "127.0.0.1"]
        if "--ray-client-server-port" in command or "--ray-debugger-external" in command:
            found.append(f"a port more: {command}")
    return found


def test_no_port_is_open_to_the_world(config):
    assert openings(config) == []


def raysgroup(config):
    del config["available_node_types"]["gpu"]["node_config"]["SecurityGroupIds"]


def rule_for(source, key):
    def breaking(config):
        rule = {"IpProtocol": "tcp", "FromPort": 8265, "ToPort": 8265, key: [source]}
        config["provider"]["security_group"] = {"IpPermissions": [rule]}

    return breaking


def rays_own_start(config):
    del config["head_start_ray_commands"]


def dashboard_everywhere(config):
    start = config["head_start_ray_commands"]
    start[-1] = start[-1].replace("--dashboard-host=127.0.0.1", "--dashboard-host 0.0.0.0")


@pytest.mark.parametrize(
    "breaking",
    [
        raysgroup,
        rule_for({"CidrIp": "0.0.0.0/0"}, "IpRanges"),
        rule_for({"CidrIpv6": "::/0"}, "Ipv6Ranges"),
        rays_own_start,
        dashboard_everywhere,
    ],
)
def test_an_open_port_is_seen(config, breaking):
    breaking(config)
    assert len(openings(config)) == 1


# --- the token ---


def started_without_token(config, home):
    """Carry out the commands that start Ray, with a recorder in Ray's place; return faults."""
    ray = home / "venv" / "bin" / "ray"
    ray.parent.mkdir(parents=True)
    ray.write_text('#!/bin/sh\necho "${RAY_AUTH_MODE-unset} $*" >> "$HOME/seen"\n')
    ray.chmod(0o755)
    (home / "seen").write_text("")
    env = {"HOME": str(home), "PATH": f"{ray.parent}:/usr/bin:/bin", "RAY_HEAD_IP": "10.0.0.1"}
    for command in commands(config, "head_start_ray_commands", "worker_start_ray_commands"):
        subprocess.run(["bash", "-c", command], env=env, check=True, capture_output=True)
    seen = (home / "seen").read_text()
    started = re.findall(r"^(\S+) start (.*)", seen, re.MULTILINE)
    assert [re.match(r"--\w+", words)[0] for _, words in started] == ["--head", "--address"]
    faults = [f"RAY_AUTH_MODE {mode}: {words}" for mode, words in started if mode != "token"]
    if prepared(config)["file_mounts"].get("~/.ray/auth_token") != "~/.ray/auth_token":
        faults.append("no token gets there")
    return faults


def recorded(config, tmp_path):
    return started_without_token(config, tmp_path / "home")


def test_token_authentication_is_on_wherever_ray_starts(config, tmp_path):
    assert recorded(config, tmp_path) == []


def no_token_file(config):
    del config["file_mounts"]["~/.ray/auth_token"]


def head_without(config):
    start = config["head_start_ray_commands"]
    start[-1] = start[-1].replace("RAY_AUTH_MODE=token ", "")


def workers_disabled(config):
    start = config["worker_start_ray_commands"]
    start[-1] = start[-1].replace("=token", "=disabled")


def mode_too_late(config):
    start = config["worker_start_ray_commands"]
    start[-1] = start[-1].replace("RAY_AUTH_MODE=token", "") + "; export RAY_AUTH_MODE=token"


def rays_own_workers(config):
    del config["worker_start_ray_commands"]


@pytest.mark.parametrize(
    "breaking", [no_token_file, head_without, workers_disabled, mode_too_late, rays_own_workers]
)
def test_ray_without_the_token_is_seen(config, tmp_path, breaking):
    breaking(config)
    assert len(recorded(config, tmp_path)) == 1


# --- versions ---


def version_faults(config):
    text = "\n".join(commands(config))
    pythons = set(re.findall(r"python(3\.\d+)", text))
    faults = []
    if len(pythons) != 1:
        faults.append(f"Pythons {sorted(pythons)}")
    required = SpecifierSet(PROJECT["requires-python"])
    faults += [f"Python {one}" for one in pythons if not required.contains(one)]
    images = {t["node_config"]["ImageId"] for t in config["available_node_types"].values()}
    if len(images) != 1:
        faults.append(f"images {sorted(images)}")
    for name, version in re.findall(r"([\w-]+)(?:\[\w+\])?[=~]=([\w.]+)", text):
        if PINS.get(name) != version:
            faults.append(f"{name} {version}")
    for command in re.findall(r"[^&|;\n]*\bpip install\b[^&|;\n]*", text):
        if "--constraint constraints.txt" not in command:
            faults.append(f"unconstrained: {command}")
    return faults


def test_versions_are_those_of_constraints_and_pyproject(config):
    assert version_faults(config) == []
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cluster"]]
    rays = [w.split("]")[1] for w in wanted if w.startswith("ray[")]
    assert len(rays) == 2
    assert all(SpecifierSet(one).contains(PINS["ray"]) for one in rays)
    assert {re.split(r"[\[>]", wish)[0] for wish in wanted} <= PINS.keys()


def another_python(config):
    config["setup_commands"] = [
        command.replace("python3.12 -m", "python3.13 -m") for command in config["setup_commands"]
    ]


def old_python(config):
    config["setup_commands"] = [
        command.replace("python3.12", "python3.10") for command in config["setup_commands"]
    ]


def another_ray(config):
    config["setup_commands"].append("~/venv/bin/python -m pip check ray[default]==2.59.0")


def another_image(config):
    config["available_node_types"]["gpu"]["node_config"]["ImageId"] = "ami-1"


def rays_own_pip(config):
    del config["head_setup_commands"]


@pytest.mark.parametrize(
    "breaking", [another_python, old_python, another_ray, another_image, rays_own_pip]
)
def test_versions_that_differ_are_seen(config, breaking):
    breaking(config)
    assert len(version_faults(config)) == 1


# --- the installation ---


def install(config, home):
    """Do here what the launcher does on a node, from the mounts to the installed package.

    The commands are run word for word, those with sudo apart. Nothing is downloaded: pip is told
    by its environment to build with what is installed here, and not to look for dependencies.
    """
    for remote, local in prepared(config)["file_mounts"].items():
        if local.startswith("~"):
            continue  # the token
        target = Path(remote.replace("~", str(home), 1))
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / local).is_dir():
            shutil.copytree(ROOT / local, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / local, target)
    bin_ = home / "bin"
    bin_.mkdir()
    (bin_ / "python3.12").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin_ / "python3.12").chmod(0o755)
    env = {
        "HOME": str(home),
        "PATH": f"{bin_}:/usr/bin:/bin",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # a value of 0 is what switches it off
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }
    run = partial(subprocess.run, env=env, cwd=home, check=True, capture_output=True, text=True)
    chosen = [command for command in commands(config, "head_setup_commands") if "venv" in command]
    chosen = [command for command in chosen if "sudo" not in command]
    assert [("-m venv" in c, "pip install" in c) for c in chosen[:2]] == [
        (True, False),
        (False, True),
    ]
    for command in chosen:
        run(["bash", "-c", command])
        if "-m venv" in command:  # the new environment sees what this one has
            (site,) = (home / "venv" / "lib").glob("python3.*/site-packages")
            (site / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return run


@pytest.mark.slow
def test_the_setup_commands_install_the_package(config, tmp_path):
    run = install(config, tmp_path)
    code = (
        "import ibsweep, ibsweep.questions.files as q; "
        "print(ibsweep.__file__, q.search_spaces_dir())"
    )
    done = run([str(tmp_path / "venv" / "bin" / "python"), "-c", code])
    for path in done.stdout.split():
        assert Path(path).is_relative_to(tmp_path / "venv")
    # what a shell of `ray attach` has
    script = '. ~/.bashrc; echo "$RAY_AUTH_MODE $TUNE_MAX_PENDING_TRIALS_PG"; ibsweep questions'
    shell = run(["bash", "-c", script])
    mode, pending = shell.stdout.split("\n")[0].split()
    assert mode == "token"
    assert int(pending) >= config["available_node_types"]["cpu"]["resources"]["CPU"]
    for name in load_all():
        assert name in shell.stdout


def nothing_to_read(config):
    del config["file_mounts"]["~/ibsweep/README.md"]


def no_search_spaces(config):
    del config["file_mounts"]["~/ibsweep/search_spaces"]


def no_constraints(config):
    del config["file_mounts"]["~/ibsweep/constraints.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("breaking", [nothing_to_read, no_search_spaces, no_constraints])
def test_a_file_that_does_not_get_there_is_seen(config, tmp_path, breaking):
    breaking(config)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        install(config, tmp_path)
    assert "pip install" in caught.value.cmd[-1]
