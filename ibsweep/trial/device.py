"""The device that a process trains on, and its share of the machine."""

from __future__ import annotations

from collections.abc import Mapping

import torch

__all__ = ["configure_device", "device_name"]


def configure_device(resources: Mapping[str, float]) -> str:
    """Limit this process to its share of the machine and return the device to train on.

    Args:
        resources: CPUs and GPUs, by Ray's names. Torch uses as many threads as there are CPUs, at
            least one; a fraction of a GPU also caps the memory that the process may take.
    """
    torch.set_num_threads(max(1, int(resources["CPU"])))
    gpus = resources.get("GPU", 0)
    if gpus > 0 and torch.cuda.is_available():
        torch.backends.cudnn.deterministic = True  # the same seeds give the same curve
        if gpus < 1:
            torch.cuda.set_per_process_memory_fraction(gpus, 0)
        return "cuda:0"  # Ray shows a worker its own GPU alone
    return "cpu"


def device_name(device: str) -> str:
    """Return the name of a device for the records."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
