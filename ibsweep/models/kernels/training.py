"""What training is for every kind of network: epochs, batches, the loss and the optimisers.

Lanes are independent, so each is trained through whole epochs by itself; threads share lanes out.
A kind of network is a named tuple with the parameters of all lanes as ``values``, and a gradient:
``fill_gradient``, which ``convolution`` and ``perceptron`` overload for theirs.

Notation:
    E: epochs, L: lanes, N: images of a set, B: images of a batch, P: parameters of a lane
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ibsweep.models.kernels.common import compile_kernel

__all__ = [
    "RULES",
    "Data",
    "Update",
    "cross_entropy_gradient",
    "fill_gradient",
    "train",
    "update_parameters",
]

SGD, ADAM, ADAMW = range(3)
RULES = {"sgd": SGD, "adam": ADAM, "adamw": ADAMW}

BETA2, EPS = 0.999, 1e-8
"""Of Adam and AdamW."""


class Data(NamedTuple):
    """What is trained on.

    Attributes:
        images: As the network takes them, float32 ``[L, N, pixels]``.
        labels: int64 ``[L, N]``.
        order: Positions of the images in every epoch, int64 ``[E, L, N]``.
        batch_size: Images of a mini-batch; the last one of an epoch may be smaller.
    """

    images: Any
    labels: Any
    order: Any
    batch_size: int


class Update(NamedTuple):
    """An optimiser's rule, hyperparameters and state.

    Attributes:
        rule: One of ``RULES``.
        steps: Steps taken so far.
        lr: Learning rate of each lane, ``[L]``.
        momentum: Momentum of SGD, beta1 of Adam, ``[L]``.
        decay: Weight decay, ``[L]``.
        means: Momentum buffers of SGD, first moments of Adam, ``[L, P]``; they change.
        squares: Second moments of Adam, ``[L, P]``; they change. SGD leaves them alone.
    """

    rule: int
    steps: int
    lr: Any
    momentum: Any
    decay: Any
    means: Any
    squares: Any


def fill_gradient(
    net: Any, scratch: Any, values: Any, images: Any, labels: Any, positions: Any, logits: Any
) -> None:
    """Fill ``scratch.gradient`` ``[P]`` with that of a batch's mean loss.

    Args:
        net: The network; its type decides which kernel is meant.
        scratch: Memory for it.
        values: The lane's parameters, ``[P]``.
        images: The lane's images, ``[N, pixels]``.
        labels: Their labels, ``[N]``.
        positions: Which of them are the batch, ``[B]``.
        logits: Filled with the batch's logits, ``[B, classes]``.
    """
    raise NotImplementedError("compiled code alone calls this")


@compile_kernel
def train(net: Any, scratch: Any, first: int, last: int, data: Any, update: Any, out: Any) -> None:
    """Train lanes ``first`` to ``last`` for E epochs, each by itself; ``net.values`` change.

    Args:
        net: The network.
        scratch: Memory for it.
        first: Lane to begin with; threads share lanes out.
        last: Lane to end before.
        data: ``Data``.
        update: ``Update``.
        out: Filled with the logits before each update, ``[E, L, N, classes]``.
    """
    epochs, _, count = data.order.shape
    for lane in range(first, last):
        values = net.values[lane]
        images, labels = data.images[lane], data.labels[lane]
        step = update.steps
        for epoch in range(epochs):
            for start in range(0, count, data.batch_size):
                end = min(start + data.batch_size, count)
                positions = data.order[epoch, lane, start:end]
                logits = out[epoch, lane, start:end]
                fill_gradient(net, scratch, values, images, labels, positions, logits)
                step += 1
                update_parameters(update, lane, step, values, scratch.gradient)


@compile_kernel
def cross_entropy_gradient(logits: Any, label: int, share: Any, grad: Any) -> None:
    """Fill ``grad`` with an image's part, ``share``, of the mean loss's gradient by its logits."""
    top = logits.max()
    total = np.float32(0)
    for k in range(logits.shape[0]):
        grad[k] = np.exp(logits[k] - top)
        total += grad[k]
    for k in range(logits.shape[0]):
        grad[k] *= share / total
    grad[label] -= share


@compile_kernel
def update_parameters(update: Any, lane: int, step: int, values: Any, grads: Any) -> None:
    """Update ``values`` ``[P]`` and their state, as ``ibsweep.training.optimizers`` do.

    Args:
        update: ``Update``.
        lane: Whose parameters they are.
        step: Number of this step, from 1.
        values: The parameters.
        grads: Their gradient.
    """
    lr, momentum, decay = update.lr[lane], update.momentum[lane], update.decay[lane]
    mean, square = update.means[lane], update.squares[lane]
    one = np.float32(1)
    if update.rule == SGD:
        buffer = mean
        for i in range(values.shape[0]):
            buffer[i] = momentum * buffer[i] + grads[i] + decay * values[i]
            values[i] -= lr * buffer[i]
        return
    beta = np.float32(BETA2)
    rate = lr / (one - momentum**step)
    scale = np.float32((1 - BETA2**step) ** 0.5)
    keep = one - lr * decay if update.rule == ADAMW else one
    coupled = np.float32(0) if update.rule == ADAMW else decay
    for i in range(values.shape[0]):
        value = values[i] * keep
        grad = grads[i] + coupled * value
        mean[i] += (one - momentum) * (grad - mean[i])
        square[i] = beta * square[i] + (one - beta) * grad * grad
        values[i] = value - rate * (mean[i] / (np.sqrt(square[i]) / scale + np.float32(EPS)))
