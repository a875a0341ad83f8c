"""How a command knows that it runs as a job; it imports nothing, since every command asks."""

__all__ = ["IN_JOB"]

IN_JOB = "IBSWEEP_JOB"
"""The environment variable that tells a command that it runs as a job, with the job's id."""
