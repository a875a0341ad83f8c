"""Which replicates decide most: what to train next for the claims that are open.

Evidence in, a batch out; nothing is trained or read here. A batch brings what one claim compares
to its next look (``statistics.look_sizes``): between looks more replicates decide nothing. The
claim that needs the fewest is taken, and others that compare the same configurations are judged
again with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["OpenTest", "Trained", "next_batch"]


class Trained(NamedTuple):
    """A configuration, trained with training sets of one size.

    Attributes:
        sweep: The sweep's name.
        trial: Number of the trial whose configuration it is.
        train_size: Size of the training set, in the unit of the data's split.
    """

    sweep: str
    trial: int
    train_size: int


class OpenTest(NamedTuple):
    """A test of a claim that replicates may decide.

    Attributes:
        claim: The claim's id.
        sides: What it compares, on common replicate seeds; of a level one.
        next_look: Score replicates at its next look; None where there is none left.
        last_look: Those at the last one.
        needed: Those that would decide it with 80 % power at the effect seen; None where the
            effect seen would never be told from the bound.
    """

    claim: str
    sides: tuple[Trained, ...]
    next_look: int | None
    last_look: int
    needed: int | None

    def within(self, most: int | None) -> bool:
        """Return whether so many replicates as there may be are likely to decide it.

        Args:
            most: Score replicates that each side may have; None for as many as the last look has.
        """
        allowed = self.last_look if most is None else min(self.last_look, most)
        return self.needed is not None and self.needed <= allowed


def next_batch(
    tests: Sequence[OpenTest], replicates: Mapping[Trained, int], most: int | None
) -> dict[Trained, int]:
    """Return what to train next.

    Claims are taken in the order of the replicates that they need, and a claim needs as many as
    the one of its open tests that needs the most. One that needs more than there may be comes
    after all others.

    Args:
        tests: The open tests of all claims, in the order in which ties are taken.
        replicates: Score replicates that there are, without a gap from the first seed on.
        most: Score replicates that each side may have; None for as many as the last look has.

    Returns:
        Score replicates to have by what is to be trained; empty where nothing is left to do.
    """
    claims: dict[str, list[OpenTest]] = {}
    for test in tests:
        claims.setdefault(test.claim, []).append(test)

    def order(own: Sequence[OpenTest]) -> tuple[bool, float]:
        needed = max(math.inf if test.needed is None else test.needed for test in own)
        return not all(test.within(most) for test in own), needed

    for own in sorted(claims.values(), key=order):
        wanted: dict[Trained, int] = {}
        for test in own:
            look = test.next_look
            if look is None or (most is not None and look > most):
                continue
            for side in test.sides:
                if replicates.get(side, 0) < look:
                    wanted[side] = max(look, wanted.get(side, 0))
        if wanted:
            return wanted
    return {}
