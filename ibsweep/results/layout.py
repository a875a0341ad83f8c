"""What lies where in a results directory, for writers and readers alike.

A sweep is one directory:

- ``manifest.json``: what was asked for and with what: question, command, seeds, versions, machine
- ``proposals.jsonl``: a line a proposed configuration, written before it is trained
- ``trials.jsonl``: a line a finished trial (the record of truth)
- ``curves.jsonl``: a line a trial and validated epoch
- ``confirmations.jsonl``: a line a confirmed trial, training-set size and fresh replicate, for
  the choice among the leaders or for the score of what was chosen
- ``models/``: weights of the confirmed replicates, one file a trial
- ``logs/``: what training functions of the user's own printed, one file a trial
- ``study.log``: the trials as an Optuna journal, for Optuna's own tools
- ``spent.json``: for how long the sweep has searched and confirmed, in all of its runs
- ``best.yaml``: the best configuration with its figures
- ``best.pt``: one confirmed replicate of it: a plain state dict

Beside the sweeps' directories, ``replications.jsonl`` holds a line a published setting,
training-set size and seed.

Older formats are read too. Up to format 5 manifests have no checksums, and there are neither
conditional hyperparameters nor several objectives. Up to format 4 lines have no checksums. Formats
2 and 3 had one set of fresh replicates, which chose the best configuration and scored it, and
seeds that counted up from the sweep's. Format 2 knew accuracy alone, in fields such as
``valid_accuracy``, and data of one kind, whose sizes are images.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "FORMAT",
    "READABLE_FORMATS",
    "REPLICATIONS",
    "SEALED_FORMAT",
    "STUDY_DIRECTORY",
    "SweepPaths",
]

FORMAT = 6
"""Version of this layout. Formats 2 to 5 are read as well; a directory of any other version is
refused, never guessed at."""

READABLE_FORMATS = (2, 3, 4, 5, FORMAT)

SEALED_FORMAT = 5
"""From this one on every line has a checksum."""

STUDY_DIRECTORY = ".study-"
"""How the name of the directory begins in which the study is written before it is whole."""

REPLICATIONS = "replications.jsonl"
"""Beside the sweeps' directories: the replications of published settings."""


class SweepPaths:
    """Every path of a sweep's directory.

    Args:
        root: The sweep's directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = root / "manifest.json"
        self.proposals = root / "proposals.jsonl"
        self.trials = root / "trials.jsonl"
        self.curves = root / "curves.jsonl"
        self.confirmations = root / "confirmations.jsonl"
        self.models = root / "models"
        self.logs = root / "logs"
        self.study = root / "study.log"
        self.best_config = root / "best.yaml"
        self.best_model = root / "best.pt"
        self.spent = root / "spent.json"
        """For how long it has searched and confirmed."""
        self.lock = root / ".lock"
        self.tune = root / ".tune"
        """Ray Tune's working files while a sweep runs; never needed to resume."""

    def log(self, trial: int) -> Path:
        """Return the file with what a trial's training function printed."""
        return self.logs / f"trial-{trial:05d}.log"

    def model(self, trial: int) -> Path:
        """Return the file with the confirmed replicates' weights of one trial."""
        return self.models / f"trial-{trial:05d}.pt"
