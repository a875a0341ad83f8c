"""Every private name of Ray that ibsweep uses, each by a test that fails when Ray moves it."""

from __future__ import annotations

import importlib
import inspect
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import ray
import ray.tune.tune
from ray import tune
from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    OutOfMemoryError,
    RayActorError,
)
from ray.tune.execution.tune_controller import TuneController

from ibsweep.cluster import environment
from ibsweep.cluster.failures import FailureCause, classify_error
from ibsweep.cluster.ray_internals import messages
from ibsweep.cluster.ray_internals.core import (
    GCS_PORT,
    RECONNECT_TIMEOUT,
    cpus_of_this_machine,
    for_this_process_alone,
    local_daemons,
    node_of_actor,
)
from ibsweep.cluster.ray_internals.tune_controller import (
    _ActorManager,
    _SweepTuneController,
    sweep_tune_controller,
)
from ibsweep.cluster.ray_internals.tune_trial import actor_of_trial, error_of_trial

ROOM = Path(__file__).parents[2] / "ibsweep" / "cluster" / "ray_internals"
PACKAGE = ROOM.parents[1]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("ray._private.parameter", "RayParams"),
        ("ray._private.state", "actors"),
        ("ray._private.worker", "_global_node"),
        ("ray._raylet", "AuthenticationTokenLoader.instance"),
        ("ray._raylet", "AuthenticationTokenLoader.reset_cache"),
        ("ray._raylet", "Config.initialize"),
        ("ray.air.execution._internal", "RayActorManager"),
        ("ray.tune.execution.tune_controller", "TuneController"),
        ("ray.tune.progress_reporter", "TrialProgressCallback"),
        ("ray.tune.tune", "TuneController"),
        ("ray.tune.tune", "_setup_signal_catching"),
        ("ray.tune.experiment.trial", "Trial.init_local_path"),
        ("ray.tune.experiment.trial", "Trial.pickled_error_file"),
        ("ray.actor", "ActorHandle._actor_id"),
    ],
)
def test_ray_has(module, name):
    found = importlib.import_module(module)
    for part in name.split("."):
        assert hasattr(found, part), f"{module}.{name}"
        found = getattr(found, part)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (RayActorManager.__init__, ["self", "resource_manager"]),
        (RayActorManager._actor_start_failed, ["self", "tracked_actor", "exception"]),
        (RayActorManager._actor_task_failed, ["self", "tracked_actor_task", "exception"]),
        (RayActorManager.is_actor_started, ["self", "tracked_actor"]),
        (TuneController._maybe_reuse_cached_actor, ["self", "trial"]),
        (TuneController.on_step_end, ["self"]),
        (RayActorError.__init__, ["self", "actor_id", "error_msg"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_what_is_overridden_or_called_has_the_parameters(function, parameters):
    assert list(inspect.signature(function).parameters)[: len(parameters)] == parameters


@pytest.mark.parametrize(
    "name", ["no_monitor", "include_log_monitor", "node_ip_address", "temp_dir"]
)
def test_ray_params_takes(name):
    assert name in inspect.signature(ray._private.parameter.RayParams).parameters


def test_ray_init_makes_its_parameters_by_the_name_that_is_replaced():
    assert "ray._private.parameter.RayParams(" in inspect.getsource(ray.init)
    before = ray._private.parameter.RayParams
    with for_this_process_alone(Path("/tmp/one")):
        params = ray._private.parameter.RayParams(node_ip_address=None)
        assert (params.no_monitor, params.include_log_monitor) == (True, False)
        assert (params.node_ip_address, params.temp_dir) == ("127.0.0.1", "/tmp/one")
    assert ray._private.parameter.RayParams is before


def test_tune_makes_its_controller_by_the_name_that_is_replaced():
    source = inspect.getsource(ray.tune.tune.run)
    assert " TuneController(" in source
    assert " experiment_interrupted_event = _setup_signal_catching()" in source
    before = signal.getsignal(signal.SIGUSR1)
    with sweep_tune_controller():
        assert ray.tune.tune.TuneController is _SweepTuneController
        assert not ray.tune.tune._setup_signal_catching().is_set()
        assert signal.getsignal(signal.SIGUSR1) is before
    assert ray.tune.tune.TuneController is TuneController


CONTROLLER_FIELDS = {
    "_actor_cache": "increase_max",
    "_actor_manager": "_resource_manager",
    "_failed_trials": "clear",
    "_max_pending_trials": "__int__",
    "_pending_trials": "__iter__",
    "_resources_to_pending_trials": "__getitem__",
    "_staged_trials": "add",
    "_started_actors": "__contains__",
    "_stopped_trials": "clear",
    "_trial_to_actor": "get",
    "_trials": "__iter__",
    "_trials_to_cache": "__isub__",
}
"""What a controller of Tune's has, and what of it is used."""


@pytest.mark.parametrize(("field", "use"), CONTROLLER_FIELDS.items())
def test_tunes_controller_has(tune_run, field, use):
    assert field in vars(tune_run.stock), f"TuneController.{field}"
    assert hasattr(getattr(tune_run.stock, field), use)


def test_tunes_controller_reads_its_limit_of_pending_trials_through_the_attribute():
    """Else the property that takes its place would not be asked."""
    source = inspect.getsource(TuneController)
    assert "len(self._pending_trials) < self._max_pending_trials" in source
    assert "self._actor_manager.num_pending_actors >= self._max_pending_trials" in source


@pytest.mark.parametrize("field", ["_live_actors_to_ray_actors_resources", "_resource_manager"])
def test_the_actor_manager_has(tune_run, field):
    assert field in vars(tune_run.stock._actor_manager), f"RayActorManager.{field}"


def test_a_task_of_an_actor_has():
    assert TrackedActorTask("actor")._tracked_actor == "actor"


@pytest.mark.parametrize("field", ["relative_logdir", "placement_group_factory", "trial_id"])
def test_a_trial_of_tunes_has(tune_run, field):
    assert hasattr(tune_run.trials[0], field), f"Trial.{field}"


class Probe(tune.Callback):
    """Keeps what the room reads of trials, while Tune runs."""

    def __init__(self):
        self.trials, self.actors, self.nodes, self.errors = [], {}, {}, {}

    def on_trial_start(self, iteration, trials, trial, **info):
        self.trials.append(trial)
        self.actors[trial.trial_id] = actor_of_trial(trial)
        self.nodes[trial.trial_id] = node_of_actor(actor_of_trial(trial))

    def on_trial_error(self, iteration, trials, trial, **info):
        self.errors[trial.trial_id] = error_of_trial(trial)

    def __getstate__(self):
        return {}


class Failing(tune.Trainable):
    def step(self):
        if self.config["fails"]:
            raise OSError("the disk is broken")
        return {"done": True}


@pytest.fixture(scope="module")
def tune_run(ray_local, tmp_path_factory):
    """Run two trials, of which one fails, with Tune's own controller, and keep it."""
    probe = Probe()

    class Kept(TuneController):
        def __init__(self, **settings):
            super().__init__(**settings)
            probe.stock = self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray.tune.tune, "TuneController", Kept)
        tune.Tuner(
            tune.with_resources(Failing, {"cpu": 1}),
            param_space={"fails": tune.grid_search([False, True])},
            run_config=tune.RunConfig(
                storage_path=str(tmp_path_factory.mktemp("tune")),
                verbose=0,
                callbacks=[probe],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
    return probe


@pytest.mark.ray
def test_the_node_of_a_trial_is_found_by_its_actor(tune_run):
    assert set(tune_run.nodes.values()) == {ray.get_runtime_context().get_node_id()}
    assert all(len(actor) == 32 for actor in tune_run.actors.values())
    assert node_of_actor("f" * 32) is None


@pytest.mark.ray
def test_the_error_of_a_trial_is_found(tune_run):
    (error,) = tune_run.errors.values()
    assert isinstance(error, OSError), error
    assert "the disk is broken" in str(error)


@pytest.mark.ray
def test_the_cpus_that_ray_starts_workers_for_are_told_before_it_runs():
    assert 1 <= cpus_of_this_machine() <= os.cpu_count()


def test_the_daemons_of_a_local_ray_are_found(ray_local):
    found = local_daemons()
    assert list(found) == ["gcs_server", "raylet"]
    for name, daemon in found.items():
        assert name in psutil.Process(daemon.pid).cmdline()[0]
        assert daemon.poll() is None


def test_what_ray_raises_for_a_killed_worker_is_that_workers_failure():
    """Were it passed on, Tune would end the run."""
    manager = object.__new__(_ActorManager)
    manager._live_actors_to_ray_actors_resources = {}
    text = "Task was killed due to the node running low on memory. Memory on the node was 15 GB"
    error = manager._actor_error(None, OutOfMemoryError(text))
    assert isinstance(error, RayActorError)
    assert classify_error(error, None).cause is FailureCause.MEMORY
    for known in (RayActorError(), ActorDiedError(), ActorUnavailableError("no", None)):
        assert manager._actor_error(None, known) is known


def ray_files(*parts):
    return [path for part in parts for path in Path(ray.__file__).parent.glob(part)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (messages.LOW_ON_MEMORY, ["core/src/ray/raylet/raylet"]),
        (messages.TOKEN_REFUSED, ["_raylet.so", "_raylet.pyd"]),
        (
            messages.TOKEN_REFUSED_OVER_HTTP,
            ["_private/authentication/http_token_authentication.py"],
        ),
        (messages.JOB_EXISTS, ["dashboard/modules/job/job_manager.py"]),
    ],
)
def test_ray_still_says(text, places):
    files = ray_files(*places)
    assert files
    assert any(text.encode() in path.read_bytes() for path in files), text


@pytest.mark.parametrize("name", messages.JOB_CLIENT_LOGGERS)
def test_the_client_of_jobs_logs_as(name):
    assert importlib.import_module(name).logger.name == name


@pytest.fixture(scope="module")
def ray_sources():
    """Ray's Python code and what is compiled, without the parts that nobody here uses."""
    root = Path(ray.__file__).parent
    unused = {"rllib", "serve", "data", "thirdparty_files"}
    sources = [path for path in root.rglob("*.py") if not unused & set(path.parts)]
    compiled = [*root.glob("_raylet.*"), root / "core" / "src" / "ray" / "raylet" / "raylet"]
    return b"".join(path.read_bytes() for path in (*sources, *compiled) if path.is_file())


@pytest.mark.parametrize(
    "name",
    [
        *environment._ENVIRONMENT,
        *environment._NO_METRICS,
        GCS_PORT,
        RECONNECT_TIMEOUT,
    ],
)
def test_ray_still_reads_the_setting(ray_sources, name):
    """A setting that Ray no longer knows is ignored in silence."""
    # RAY_ followed by lower case is a setting of the core, which is known there without the prefix
    core = name.removeprefix("RAY_")
    known = (core if core.islower() else name).encode() in ray_sources
    assert known, f"{name} is no setting of Ray's any more"


def test_the_room_imports_neither_tune_nor_torch_for_what_needs_no_sweep():
    """``ibsweep jobs`` would take seconds longer."""
    code = (
        "import sys, ibsweep.cluster.ray_internals.core, ibsweep.cluster.ray_internals.messages; "
        "print(*[name for name in ('ray', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", ["temporary_state", "pickled_error_file", "_actor_id"])
def test_private_attributes_of_rays_objects_are_used_in_the_room_alone(name):
    """The layer test sees what is imported, and not these."""
    users = {path for path in PACKAGE.rglob("*.py") if name in path.read_text("utf-8")}
    assert users
    assert {str(path) for path in users if ROOM not in path.parents} == set()
