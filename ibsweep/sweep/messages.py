"""What the driver and its workers tell each other, as the dicts that Ray Tune carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["StepResult", "TrainableConfig"]


class TrainableConfig(TypedDict):
    """From the driver: one attempt at a trial. It is the ``config`` of a ``TrialTrainable``.

    Attributes:
        plan: The fields of a ``TrialPlan``.
        data: Where the arrays of the data are; None where they are generated.
        never_prune: Whether the scheduler lets the trial run to its end whatever its figures are.
        resources: CPUs and GPUs of the attempt, by Ray's names.
        nodes_to_avoid: Ids of the nodes that the attempt must not run on.
        checkpoint: Where Ray keeps the checkpoint to continue from; None to start anew.
        software: What the worker's own must equal, None on the driver's own machine.
        objective: The column of the figure that trials are compared by.
        worst: The figure of a configuration that cannot be trained.
        further: The columns of the further objectives, which a trial must have at its end.
    """

    plan: dict[str, Any]
    data: ObjectRef | None
    never_prune: bool
    resources: dict[str, float]
    nodes_to_avoid: list[str]
    checkpoint: ObjectRef | None
    software: dict[str, Any] | None
    objective: str
    worst: float
    further: list[str]


class StepResult(TypedDict):
    """From a worker: what one ``step`` trained, up to a rung or to the end.

    It also holds the objective's figure, the mean over the replicates, under its column's name,
    such as ``valid_accuracy``: Tune's scheduler looks for it there.

    Attributes:
        epoch: Epochs trained so far.
        curves: A ``Curve`` in JSON for every epoch that was validated in this step.
        failure: Why the configuration cannot be trained, or None.
        seconds: Seconds of training and validation so far.
        device: Name of the device.
        node_id: Ray's id of the worker's node.
        gpu_names: The GPUs that are there; none are looked for on the driver's own machine.
        kernels_fault: Why the compiled kernels do not train the trial where they would be faster,
            or None.
        done: Whether nothing is left to train.
        warning: What will keep the confirmation from scoring a trial that is done, or None.
        log: What a training function printed in this step, and why it failed.
        ends_sweep: Why no trial of the sweep can be trained any more; this one is not over then.
        checkpoint: Now and then, what another worker continues from exactly.
    """

    epoch: int
    curves: list[str]
    failure: str | None
    seconds: float
    device: str
    node_id: str
    gpu_names: list[str]
    kernels_fault: str | None
    done: bool
    warning: NotRequired[str | None]
    log: NotRequired[str]
    checkpoint: NotRequired[bytes]
    ends_sweep: NotRequired[str]
