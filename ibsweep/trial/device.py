"""The device of a worker, and its share of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

__all__ = ["choose_device", "device_name"]


def choose_device(share: Mapping[str, float]) -> str:
    """Set this process up for its share of the machine and return the device to train on.

    Args:
        share: CPUs and GPUs, by Ray's names. Torch uses as many threads as there are CPUs, at
            least one; a fraction of a GPU also caps the memory that the process may take.
    """
    torch.set_num_threads(max(1, int(share["CPU"])))
    gpus = share.get("GPU", 0)
    if gpus > 0 and torch.cuda.is_available():
        if gpus < 1:
            torch.cuda.set_per_process_memory_fraction(gpus, 0)
        return "cuda:0"  # Ray shows a worker its own GPU alone
    return "cpu"


def device_name(device: str) -> str:
    """Return the name of a device for the records."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
