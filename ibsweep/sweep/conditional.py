"""Which samplers can search a space in which some hyperparameters are conditional.

Optuna's samplers of the whole space at once know the hyperparameters that all trials have in
common; the others they draw at random, and since 5.0 without a word. Who asks for such a sampler
is to know that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ibsweep.errors import InputError
from ibsweep.questions.conditions import condition_text
from ibsweep.sweep.sampler_choice import parse_sampler

if TYPE_CHECKING:
    from ibsweep.questions.schema import Arm

__all__ = ["CONDITIONAL_SAMPLERS", "check_sampler"]

CONDITIONAL_SAMPLERS = ("tpe", "random", "grid")
"""TPE as a group for each set of hyperparameters that are set together; the grid in full."""


def check_sampler(arm: Arm, sampler: str) -> None:
    """Make sure that a sampler searches all of an arm's space.

    Args:
        arm: The arm.
        sampler: It, as the user has asked for it.

    Raises:
        InputError: If it would draw conditional hyperparameters at random.
    """
    choice = parse_sampler(sampler)
    conditional = {name: spec.when for name, spec in arm.space.items() if spec.when}
    if not conditional or choice.is_own:  # who brings one knows what it does
        return
    ungrouped = choice.given.get("group") is False and choice.given.get("multivariate", True)
    if choice.name in CONDITIONAL_SAMPLERS and not ungrouped:
        return
    name, when = next(iter(conditional.items()))
    others = f"use {', '.join(CONDITIONAL_SAMPLERS[:-1])} or {CONDITIONAL_SAMPLERS[-1]}"
    if ungrouped:
        others = "leave `group` out, or give multivariate=false as well"
    raise InputError(
        f"`--sampler {sampler}` cannot search {arm.name}, whose {name} is set only where "
        f"{condition_text(when)}: it models what all configurations have in common and would draw "
        f"{', '.join(conditional)} at random; {others}"
    )
