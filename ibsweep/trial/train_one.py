"""Training one configuration outside of a sweep: model, curves and kernels to look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibsweep.errors import InputError
from ibsweep.models.settings import resolve
from ibsweep.questions.schema import Arm, Question
from ibsweep.questions.yaml_file import read_yaml
from ibsweep.results.records import Curve
from ibsweep.results.store import SweepStore

__all__ = ["TrainOne", "chosen_config"]


def chosen_config(
    arm: Arm, overrides: Mapping[str, Any] | None, sweep: tuple[Path, str] | None
) -> dict[str, Any]:
    """Return the complete settings to train.

    Args:
        arm: The arm; its baseline fills what is not overridden.
        overrides: Settings of the user's own.
        sweep: Results directory and name of a sweep whose best configuration is wanted.

    Raises:
        InputError: If a setting is wrong, or the sweep has no best yet or is of another arm.
    """
    config = dict(arm.baseline)
    if sweep is not None:
        store = SweepStore.find(*sweep)
        if store.manifest.arm != arm.name:
            raise InputError(f"sweep {sweep[1]!r} is of arm {store.manifest.arm}, not {arm.name}")
        if not store.paths.best_config.exists():
            raise InputError(f"sweep {sweep[1]!r} has no best yet: `ibsweep resume {sweep[1]}`")
        config = read_yaml(store.paths.best_config)["config"]
    # the user's own settings go before fixed ones too: this is one run, not a comparison
    own = dict(overrides or {})
    fixed = {name: value for name, value in arm.fixed.items() if name not in own}
    return resolve(arm.model, fixed, config | own)


@dataclass(frozen=True)
class TrainOne:
    """A configuration to train with validation after every epoch.

    Attributes:
        question: Its question.
        arm: Its arm.
        settings: Complete settings.
        seeds: Replicate seeds.
        cpus: Threads.
        directory: Where everything is saved; must not exist.
    """

    question: Question
    arm: Arm
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    cpus: int
    directory: Path

    @property
    def epochs(self) -> int:
        """Epochs to train."""
        return int(self.settings["epochs"])

    def run(self, on_epoch: Callable[[int, float], None] | None = None) -> dict[str, Any]:
        """Train, save, and return the figures of every replicate.

        Saves ``config.yaml``, ``curves.jsonl`` (a line an epoch), ``model-SEED.pt`` (plain state
        dicts) and ``kernels.pt`` (``{"trained": {seed: ...}, "untrained": {seed: ...}}``, the
        first convolution's weights).

        Args:
            on_epoch: Is told the epoch and the mean validation accuracy.

        Raises:
            InputError: If the directory exists or cannot be made.
        """
        import torch
        import yaml

        from ibsweep.trial.plan import TrialPlan
        from ibsweep.trial.run import TrialRun

        try:
            self.directory.mkdir(parents=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"cannot make {self.directory}: {reason}; name another") from error
        torch.set_num_threads(self.cpus)
        plan = TrialPlan(
            trial=0,
            model=self.arm.model,
            task=self.question.task,
            images=self.arm.images,
            settings=self.settings,
            seeds=self.seeds,
            every_epoch=True,
        )
        document = {
            "arm": self.arm.name,
            "settings": dict(self.settings),
            "seeds": list(self.seeds),
        }
        (self.directory / "config.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        run = TrialRun(plan)
        first = next(name for name, _ in run.model.named_parameters())
        untrained = {s: run.model.lane_state_dict(i)[first] for i, s in enumerate(self.seeds)}
        with (self.directory / "curves.jsonl").open("w") as file:

            def write(curve: Curve) -> None:
                file.write(curve.model_dump_json() + "\n")
                if on_epoch:
                    on_epoch(curve.epoch, curve.valid_accuracy)

            last = run.complete(write)
        states = {seed: run.model.lane_state_dict(i) for i, seed in enumerate(self.seeds)}
        for seed, state in states.items():
            torch.save(state, self.directory / f"model-{seed}.pt")
        trained = {seed: state[first] for seed, state in states.items()}
        torch.save({"trained": trained, "untrained": untrained}, self.directory / "kernels.pt")
        test = run.score("test")
        rows = [
            json.loads(replicate.model_dump_json())
            | {"test_accuracy": test.accuracy[i].item(), "test_loss": test.loss[i].item()}
            for i, replicate in enumerate(last.replicates)
        ]
        return {
            "arm": self.arm.name,
            "directory": str(self.directory),
            "epochs": last.epoch,
            "replicates": rows,
        }
