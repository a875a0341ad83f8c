"""A trial as a Ray Tune trainable: one step trains from one rung to the next."""

from __future__ import annotations

import io
import time
from typing import cast

from ibsweep.errors import ChangedCodeError, IbsweepError
from ibsweep.gc_control import freeze_imports, gc_paused

with gc_paused():
    import ray
    import torch
    from ray import tune

    from ibsweep.cluster.preflight import process_environment, software_differences
    from ibsweep.sweep.keeper import forget_checkpoints, kept_checkpoints, send_checkpoint
    from ibsweep.sweep.messages import StepResult, TrainableConfig
    from ibsweep.trial.device import configure_device, device_name
    from ibsweep.trial.function_run import FunctionRun
    from ibsweep.trial.parts import kernels_fault
    from ibsweep.trial.plan import TrialPlan
    from ibsweep.trial.run import Run, start_run
    from ibsweep.trial.saved import tensor_bytes
    from ibsweep.trial.supplies import supplied

__all__ = ["TrialTrainable"]

_CHECKPOINT_SECONDS = 10.0
"""A trial that lost its worker repeats at most the rung it was in, or this long."""


class TrialTrainable(tune.Trainable):  # type: ignore[misc]
    """Trains one configuration; the worker is reused for the next one.

    Checkpoints travel in results, and come back in the configuration of the next attempt: they
    need no disk that nodes share, and Tune, which would write its whole state anew whenever a
    trial is saved, saves nothing.
    """

    _run: Run | None = None

    def setup(self, config: TrainableConfig) -> None:
        """Forget whatever the worker did before; the trial itself is built in its first step.

        Raises:
            RuntimeError: On a node that joined with other software than the driver's, or where a
                function of an earlier trial cannot be ended.
        """
        freeze_imports()
        self.cleanup()
        gpus = []
        if config["software"]:
            here = process_environment()
            gpus = here["gpus"]
            if differences := software_differences(here, config["software"]):
                raise RuntimeError(f"not the driver's software: {'; '.join(differences)}")
        self._gpu_names = [gpu["name"] for gpu in gpus]
        data = None if config["data"] is None else ray.get(config["data"])
        self._plan = supplied(TrialPlan(**config["plan"]), data)
        self._device = configure_device(config["resources"])
        self._objective, self._worst = config["objective"], config["worst"]
        self._further = config["further"]
        self._checkpoint = config["checkpoint"]
        self._run = None
        self._checkpointed = time.monotonic()

    def reset_config(self, new_config: TrainableConfig) -> bool:
        """Take up the next trial; everything of the last one is built anew."""
        self.setup(new_config)
        return True

    def step(self) -> StepResult:
        """Train to the next rung or to the end.

        Returns:
            The figures. What a configuration gets wrong is a result too, since trying again would
            not help; anything else is raised, and may go well elsewhere.
        """
        try:
            if self._run is None:
                self._run = self._start()
            curves: list[str] = []
            curve = self._run.advance(lambda one: curves.append(one.model_dump_json()))
        except ChangedCodeError as error:
            return {**self._failed(str(error)), "ends_sweep": str(error)}
        except IbsweepError as error:
            return self._failed(str(error).splitlines()[0])
        value, failure = curve.mean(self._objective), self._run.failure
        wanted = [self._objective, *(self._further if self._run.finished else ())]
        undefined = [column for column in wanted if curve.mean(column) is None]
        if undefined and failure is None:
            failure = f"{undefined[0]} is not defined in epoch {curve.epoch}"
        done = self._run.finished or failure is not None
        result: StepResult = {
            "epoch": curve.epoch,
            "curves": curves,
            "failure": failure,
            "seconds": self._run.seconds,
            "device": device_name(self._device),
            "node_id": _node_id(),
            "gpu_names": self._gpu_names,
            "kernels_fault": kernels_fault(self._plan, gpu=self._device != "cpu"),
            "done": done,
            "warning": self._run.warning if done and isinstance(self._run, FunctionRun) else None,
            "log": self._log(over=done),
        }
        due = time.monotonic() - self._checkpointed > _CHECKPOINT_SECONDS
        if due and not done and not isinstance(self._run, FunctionRun):
            result["checkpoint"] = tensor_bytes(self._run.state_dict())
            self._checkpointed = time.monotonic()
        return self._compared(result, value)

    def _start(self) -> Run:
        run, trial = start_run(self._plan, self._device), self._plan.trial
        if isinstance(run, FunctionRun):
            run.on_checkpoint = lambda seed, state: send_checkpoint(trial, seed, state)
            run.load_state_dict({"replicates": kept_checkpoints(trial)})
        elif self._checkpoint is not None:
            state = io.BytesIO(ray.get(self._checkpoint))
            run.load_state_dict(torch.load(state, weights_only=True))
        return run

    def cleanup(self) -> None:
        """End what runs of the last trial.

        Raises:
            RuntimeError: If that cannot be done: this process is of no use to others then.
        """
        if isinstance(self._run, FunctionRun):
            self._run.close()
            forget_checkpoints(self._run.plan.trial)
            if self._run.lost:
                raise RuntimeError(f"{self._run.reference} could not be ended here")

    def _log(self, *, over: bool) -> str:
        """Return what a function printed."""
        if not isinstance(self._run, FunctionRun):
            return ""
        if over:
            self._run.close()
        return self._run.take_log()

    def _failed(self, reason: str) -> StepResult:
        """Return the result of a configuration that cannot be trained."""
        result: StepResult = {
            "epoch": 0,
            "curves": [],
            "failure": reason,
            "seconds": 0.0,
            "device": device_name(self._device),
            "node_id": _node_id(),
            "gpu_names": self._gpu_names,
            "kernels_fault": None,
            "done": True,
            "log": self._log(over=True),
        }
        return self._compared(result, None)

    def _compared(self, result: StepResult, value: float | None) -> StepResult:
        """Add the figure that the scheduler compares."""
        figure = {self._objective: self._worst if value is None else value}
        return cast(StepResult, {**result, **figure})


def _node_id() -> str:
    node: str = ray.get_runtime_context().get_node_id()
    return node
