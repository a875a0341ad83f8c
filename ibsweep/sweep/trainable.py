"""A trial as a Ray Tune trainable: one step trains from one rung to the next."""

from __future__ import annotations

import io
import time
from typing import Any

from ibsweep.errors import IbsweepError
from ibsweep.imports import uncollected

with uncollected():
    import ray
    import torch
    from ray import tune

    from ibsweep.cluster.preflight import foreign, mine
    from ibsweep.trial.device import choose_device, device_name
    from ibsweep.trial.plan import TrialPlan
    from ibsweep.trial.run import TrialRun

__all__ = ["TrialTrainable"]

_SAVE_SECONDS = 10.0
"""A trial that lost its worker repeats at most the rung it was in, or this long."""


class TrialTrainable(tune.Trainable):  # type: ignore[misc]
    """Trains one configuration; the worker is reused for the next one.

    Its configuration is ``{"plan": TrialPlan as a dict, "spared": bool, "reserved": resources by
    Ray's names, "avoided": node ids, "saved": ObjectRef of bytes or None, "software": what
    ``preflight.mine`` returns at the driver, None on its own machine}``. Saved states travel in
    results, and come back in the configuration of the next attempt: they need no disk that nodes
    share, and Tune, which would write its whole state anew whenever a trial is saved, saves
    nothing.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Forget whatever the worker did before; the trial itself is built in its first step.

        Raises:
            RuntimeError: On a node that joined with other software than the driver's.
        """
        if config["software"] and (wrong := foreign(config["software"])):
            raise RuntimeError(f"not the driver's software: {wrong}")
        gpus = mine()["gpus"] if config["software"] else ()
        self._gpu_names = [gpu["name"] for gpu in gpus]
        self._plan = TrialPlan(**config["plan"])
        self._spared: bool = config["spared"]
        self._device = choose_device(config["reserved"])
        self._saved: ray.ObjectRef | None = config["saved"]
        self._run: TrialRun | None = None
        self._saved_at = time.monotonic()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take up the next trial; everything of the last one is built anew."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train to the next rung or to the end.

        Returns:
            The figures, now and then with the ``state`` from which another worker continues
            exactly. What a configuration gets wrong is a result too, since trying again would not
            help; anything else is raised, and may go well elsewhere.
        """
        result: dict[str, Any] = {
            "spared": self._spared,
            "device": device_name(self._device),
            "node_id": ray.get_runtime_context().get_node_id(),
            "gpu_names": self._gpu_names,
        }
        try:
            if self._run is None:
                self._run = self._start()
            curves: list[str] = []
            curve = self._run.advance(lambda one: curves.append(one.model_dump_json()))
        except IbsweepError as error:
            reason = str(error).splitlines()[0]
            return result | _FAILED | {"failure": reason}
        if time.monotonic() - self._saved_at > _SAVE_SECONDS and not self._run.finished:
            buffer = io.BytesIO()
            torch.save(self._run.state_dict(), buffer)
            result["state"] = buffer.getvalue()
            self._saved_at = time.monotonic()
        return result | {
            "epoch": curve.epoch,
            "valid_accuracy": curve.valid_accuracy,
            "valid_loss": curve.valid_loss,
            "curves": curves,
            "failure": self._run.failure,
            "seconds": self._run.seconds,
            "done": self._run.finished,
        }

    def _start(self) -> TrialRun:
        run = TrialRun(self._plan, self._device)
        if self._saved is not None:
            state = io.BytesIO(ray.get(self._saved))
            run.load_state_dict(torch.load(state, weights_only=True))
        return run


_FAILED = {
    "epoch": 0,
    "valid_accuracy": 0.0,
    "valid_loss": float("inf"),
    "curves": [],
    "seconds": 0.0,
    "done": True,
}
