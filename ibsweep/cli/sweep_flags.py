"""The options of a sweep on the command line: a flag for every field of ``SweepOptions``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ibsweep.cli.flags import Address, CpusPerTrial, GpusPerTrial, parse_duration
from ibsweep.sweep.options import PRUNERS, QUICK, SweepOptions
from ibsweep.sweep.sampler_choice import sampler_words

__all__ = ["sweep_options", "with_sweep_flags"]

_FLAGS: Mapping[str, Any] = {
    "trials": Annotated[int, typer.Option(help="Configurations to train.")],
    "replicates": Annotated[int, typer.Option(help="Replicates of every trial.")],
    "confirm": Annotated[
        int, typer.Option(help="Leading trials to compare anew, besides the baseline.")
    ],
    "choice_replicates": Annotated[
        int, typer.Option(help="Fresh replicates of each of these, which choose the best.")
    ],
    "confirm_replicates": Annotated[
        int, typer.Option(help="Other fresh replicates, which score the best and the baseline.")
    ],
    "sampler": Annotated[
        str, typer.Option(metavar="NAME[:ARGUMENT=VALUE,...]", help=sampler_words())
    ],
    "pruner": Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(PRUNERS)}; default: asha, and none with several objectives. "
            "It goes by the first."
        ),
    ],
    "seed": Annotated[
        int | None,
        typer.Option(
            help="Seed of sampler and replicates; default: 10, the notebook's, or the first after "
            "it that no sweep of the arm has."
        ),
    ],
    "sweeps": Annotated[
        int,
        typer.Option(
            help="Sweeps of each arm, each with the next seed: what one finds is itself a draw."
        ),
    ],
    "time_budget": Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Of each sweep: start no trial after this: 90s, 5m, 1h. Running ones end.",
        ),
    ],
    "max_time": Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Of the whole command: its sweeps share this evenly, confirmation included, and "
            "start no trial that would leave too little to confirm.",
        ),
    ],
    "budget": Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Of each sweep: start no trial after this many model-epochs, epochs times "
            "replicates. Running ones end.",
        ),
    ],
    "patience": Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Of each sweep: start no trial once N have finished without a better best.",
        ),
    ],
    "cpus_per_trial": CpusPerTrial,
    "gpus_per_trial": GpusPerTrial,
    "address": Address,
    "every_epoch": Annotated[
        bool, typer.Option("--every-epoch", help="Validate after every epoch, for curves.")
    ],
    "earlier": Annotated[
        list[str],
        typer.Option(
            "--from",
            metavar="SWEEP",
            help="Begin with what this sweep found: its trials are known to the sampler where it "
            "asked the same, else its best are tried first. May stand several times.",
        ),
    ],
    "enqueue": Annotated[
        list[Path],
        typer.Option(
            metavar="FILE",
            help="Try the configurations in this file first: YAML, JSON, CSV or a best.yaml; what "
            "one leaves out the sampler adds. May stand several times.",
        ),
    ],
}
"""By field; the default is the field's own."""

_QUICK = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="A small budget: "
        + ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in QUICK.items())
        + ", where these are not given.",
    ),
]


def with_sweep_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Have a command's argument ``options`` given by a flag for every field, and by ``--quick``.

    Args:
        command: Takes ``options``, a ``SweepOptions``, and arguments that typer reads.
    """
    signature = inspect.signature(command, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    flags = [
        inspect.Parameter(name, keyword, default=getattr(SweepOptions, name), annotation=flag)
        for name, flag in _FLAGS.items()
    ]
    flags.append(inspect.Parameter("quick", keyword, default=False, annotation=_QUICK))
    parameters = [inspect.Parameter("context", keyword, annotation=typer.Context)]
    for parameter in signature.parameters.values():
        added = flags if parameter.name == "options" else [parameter.replace(kind=keyword)]
        parameters += added

    @functools.wraps(command)
    def with_options(context: typer.Context, **given: Any) -> None:
        others = {name: given[name] for name in signature.parameters if name != "options"}
        command(options=sweep_options(context), **others)

    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_options


def sweep_options(context: typer.Context) -> SweepOptions:
    """Return what the flags of a command ask for.

    Args:
        context: Of a command ``with_sweep_flags``.

    Raises:
        InputError: One line for each rule that does not hold.
        typer.BadParameter: If a duration is none.
    """
    given = {name: context.params[name] for name in _FLAGS}
    for name in ("time_budget", "max_time"):
        if given[name] is not None:
            given[name] = parse_duration(given[name])
    if context.params["quick"]:
        given |= {name: value for name, value in QUICK.items() if not _is_given(context, name)}
    return SweepOptions(**given, quick=context.params["quick"])


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
