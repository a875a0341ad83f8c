"""Disks that end."""

from __future__ import annotations

import contextlib
import resource


@contextlib.contextmanager
def files_up_to(size):
    """A disk that ends: the kernel refuses to let a file grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
