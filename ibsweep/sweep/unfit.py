"""Configurations that cannot be trained, told without training them: they are not proposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ibsweep.analysis.wording import schema_of
from ibsweep.errors import InputError
from ibsweep.models import MODELS
from ibsweep.models.settings import split_settings
from ibsweep.sweep.own import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ibsweep.questions.schema import Arm, Question
    from ibsweep.results.manifest import Manifest

__all__ = ["unfit_rule"]


def unfit_rule(
    manifest: Manifest, question: Question, arm: Arm
) -> Callable[[Mapping[str, Any]], bool] | None:
    """Return what tells whether a configuration cannot be trained on a sweep's examples.

    Args:
        manifest: The sweep's.
        question: Its question.
        arm: Its arm.

    Returns:
        None where every one can, or only training could tell.
    """
    if arm.train is not None:
        return None
    data = schema_of(question, manifest)
    shape, outputs = data.example_shape, len(data.classes or ()) or 1
    entry = MODELS.get(arm.model)
    if entry is None and (manifest.model or {}).get("unfit") is False:
        return None  # its values were tried when the sweep began, and all go together
    known: dict[str, bool] = {}  # an own model is built to be asked, and most values are no option

    def cannot(config: Mapping[str, Any]) -> bool:
        options = split_settings({**arm.fixed, **config})[1]
        key = repr(sorted(options.items()))
        if key not in known:
            known[key] = fails(options)
        return known[key]

    def fails(options: dict[str, Any]) -> bool:
        try:
            if entry is not None:
                entry.check(entry.with_defaults(options), shape)
            else:
                from ibsweep.models.own import own_model

                own_model(arm.model, folder_of(manifest)).try_out(shape, outputs, options)
        except InputError:
            return True
        return False

    return cannot
