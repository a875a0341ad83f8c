"""The notebook itself: its one global generator, followed draw for draw by an explicit one.

The notebook seeds torch's global generator with 10 and lets everything draw from it. What draws:

- a model's weights, when it is built; the MLP first seeds the generator with 7
- two numbers a pass over a loader that shuffles: the loader's base seed, then the sampler's seed,
  from which a generator of its own draws the order of the images
- one number a pass over a loader that does not shuffle: its base seed

So a model's batches depend on the passes of the other model that is trained beside it, and on
passes that only evaluate. Here they are drawn and thrown away; nothing but the model asked for is
trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from ibsweep.data import EdgeDataset
from ibsweep.models import MODELS, build

if TYPE_CHECKING:
    from ibsweep.trial.plan import TrialPlan

__all__ = ["PROCEDURES", "SEED", "Procedure", "follow"]

SEED = 10
"""The notebook's seed, and the replicate seed that is the notebook itself."""

_MLP_SEED = 7
_MLP: dict[str, Any] = {"hidden_dim_1": 50, "hidden_dim_2": 10}


@dataclass(frozen=True)
class Procedure:
    """How the notebook comes to a figure.

    Attributes:
        turns: ``alone``, no other model is built; ``epoch``, CNN and MLP are trained in turn
            within an epoch; ``model``, the MLP is trained to its end and then the CNN;
            ``continued``, alone, the generator going on from q2's last epoch and from one number
            of images to the next.
        evaluation_draws: Numbers drawn by the evaluation after each epoch: none where there is
            none, 1, or 2 where the validation loader shuffles (q6 and q7).
    """

    turns: Literal["alone", "epoch", "model", "continued"]
    evaluation_draws: int


PROCEDURES: Mapping[str, Procedure] = {
    "q1_cnn": Procedure("epoch", 0),
    "q1_mlp": Procedure("epoch", 0),
    "q2_cnn": Procedure("epoch", 0),
    "q2_mlp": Procedure("epoch", 0),
    "q2_edge_init": Procedure("continued", 0),
    "q3_cnn": Procedure("model", 1),
    "q3_cnn_100": Procedure("model", 1),
    "q3_mlp": Procedure("model", 1),
    "q3_mlp_100": Procedure("model", 1),
    "q4_cnn": Procedure("model", 1),
    "q4_cnn_hand_tuned": Procedure("alone", 1),
    "q4_mlp": Procedure("model", 1),
    "q5_cnn": Procedure("model", 1),
    "q5_mlp": Procedure("model", 1),
    "q6_maxpool": Procedure("model", 2),
    "q6_avgpool": Procedure("alone", 2),
    "q6_mlp": Procedure("model", 2),
    "q7_simple": Procedure("model", 2),
    "q7_wider": Procedure("alone", 2),
    "q7_deeper": Procedure("alone", 2),
}
"""By arm, or by variant for the other settings of an arm."""


def follow(
    procedure: Procedure, plan: TrialPlan
) -> tuple[torch.Generator, Iterator[torch.Tensor]]:
    """Return where the notebook's model draws its weights from, and the order of each epoch.

    Args:
        procedure: How the notebook came to the figure.
        plan: The model, its settings and training-set size.

    Returns:
        The generator as it stands when the model is built; to be used for that at once, before
        the first order is asked for. Then for each epoch the positions of the training images,
        int64 ``[N]``.
    """
    generator = torch.Generator().manual_seed(SEED)
    task = EdgeDataset.from_dict(plan.data)
    epochs, classes = plan.settings["epochs"], len(task.classes)
    count = plan.train_size * classes
    is_mlp = MODELS[plan.model].family == "mlp"
    if procedure.turns == "continued":
        _run_q2(generator, classes)
        for images in task.train_sizes:
            if images == plan.train_size:
                break
            _build_cnn(generator, classes)
            _skip(generator, epochs * 2 + 1)  # evaluated once, after its last epoch
    elif is_mlp:
        generator.manual_seed(_MLP_SEED)

    def orders() -> Iterator[torch.Tensor]:
        if procedure.turns in ("epoch", "model") and not is_mlp:
            _build_mlp(generator, classes)
            if procedure.turns == "model":
                _skip(generator, epochs * (2 + procedure.evaluation_draws))
        for _ in range(epochs):
            if procedure.turns == "epoch" and is_mlp:
                _skip(generator, 2)
            _skip(generator, 1)  # the loader's base seed
            sampler = torch.Generator().manual_seed(_draw(generator))
            yield torch.randperm(count, generator=sampler)
            if procedure.turns == "epoch" and not is_mlp:
                _skip(generator, 2)
            _skip(generator, procedure.evaluation_draws)

    return generator, orders()


def _run_q2(generator: torch.Generator, classes: int) -> None:
    """Move on by what q2 draws for its last number of images, from the seeding on."""
    _build_mlp(generator, classes)
    _skip(generator, 500 * (2 + 2))  # CNN and MLP, epoch by epoch
    _skip(generator, 1 + 1)  # one evaluation each


def _build_mlp(generator: torch.Generator, classes: int) -> None:
    generator.manual_seed(_MLP_SEED)
    build("three_layer_mlp", [generator], num_classes=classes, **_MLP)


def _build_cnn(generator: torch.Generator, classes: int) -> None:
    build("simple_cnn", [generator], num_classes=classes, kernel_size=7)


def _draw(generator: torch.Generator) -> int:
    """Draw as torch's loaders and samplers draw a seed."""
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator).item())


def _skip(generator: torch.Generator, draws: int) -> None:
    for _ in range(draws):
        _draw(generator)
