"""What is recognised in the texts of Ray's errors and of its core's log, and who logs.

Ray raises the same types for different causes here, so that only the words tell them apart.
"""

from __future__ import annotations

__all__ = [
    "JOB_CLIENT_LOGGERS",
    "JOB_EXISTS",
    "LOW_ON_MEMORY",
    "TOKEN_REFUSED",
    "TOKEN_REFUSED_OVER_HTTP",
]

LOW_ON_MEMORY = "low on memory"
"""In what the raylet says when it has killed a worker because its node ran out of memory; an actor
that was killed so raises a plain ``ActorDiedError`` or ``OutOfMemoryError``."""

TOKEN_REFUSED = "InvalidAuthToken"
"""In what Ray's core writes to the standard error stream, again and again, when a cluster refuses
its token; ``ray.init`` itself raises that it cannot connect."""

TOKEN_REFUSED_OVER_HTTP = "Authentication failed"
"""How an ``AuthenticationError`` of the job server's client begins where the token is a wrong one;
it raises the same type where there is none."""

JOB_EXISTS = "already exists"
"""In the ``RuntimeError`` with which the job server refuses the id of another job."""

JOB_CLIENT_LOGGERS = ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk")
"""Of the job server's client; each sets a level of its own, so that Ray's does not hold."""
