"""A model of the user's own: any callable that returns an ``nn.Module``, by reference."""

from __future__ import annotations

import functools
import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibsweep import user_code
from ibsweep.errors import InputError, suggestion
from ibsweep.models.hyperparameters import Hyperparameter
from ibsweep.models.signature import options_of, schema_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ibsweep.models.module_lanes import ModuleLanes
    from ibsweep.models.probe import Verdict

__all__ = ["OwnModel", "own_model", "training_errors"]

_GIVEN = ("inputs", "outputs")

_verdicts: dict[tuple[Any, ...], Verdict] = {}
"""By callable, shape, outputs and options: workers train many trials of one model."""


@dataclass(frozen=True)
class OwnModel:
    """A callable that returns an ``nn.Module``, and what its signature says.

    Attributes:
        reference: ``file.py:name`` or ``package.module:name``.
        function: The class or function.
        options: Its hyperparameters; those without a default must be given.
        takes: Which of ``inputs`` (shape of one example) and ``outputs`` (classes, or 1) it takes.
    """

    reference: str
    function: Callable[..., Any]
    options: Mapping[str, Hyperparameter]
    takes: tuple[str, ...]

    def schema(self) -> dict[str, Any]:
        """Return what a manifest keeps, as plain JSON."""
        options = schema_of(self.options)
        return {"reference": self.reference, "options": options, "takes": list(self.takes)}

    def build(
        self,
        seeds: Sequence[int | torch.Generator],
        shape: Sequence[int],
        outputs: int,
        options: Mapping[str, Any],
        *,
        fused: bool | None = None,
    ) -> ModuleLanes:
        """Build the model with one lane a seed.

        Args:
            seeds: One seed a lane.
            shape: Shape of one example.
            outputs: Number of classes; 1 where a number is predicted.
            options: Its hyperparameters; defaults are filled in.
            fused: Whether lanes may run fused; by default where ``probe`` says that it is right.

        Raises:
            InputError: If an option is missing, unknown or out of range, the callable or its
                module raises an error, or the module's output has another shape.
        """
        from ibsweep.models.module_lanes import ModuleLanes

        verdict = self.probe(shape, outputs, options)
        return ModuleLanes(
            self._maker(shape, outputs, options),
            seeds,
            outputs=outputs,
            fused=verdict.fused and fused is not False,
            noisy=verdict.noisy,
            frozen=verdict.unused,
            least_batch=verdict.least_batch,
        )

    def probe(self, shape: Sequence[int], outputs: int, options: Mapping[str, Any]) -> Verdict:
        """Find out whether lanes may run fused, and why not; see ``ibsweep.models.probe``.

        Raises:
            InputError: As ``build`` does.
        """
        from ibsweep.models.probe import probe

        self._check_options(options)
        chosen = json.dumps(dict(options), sort_keys=True)
        key = (self.function, tuple(shape), outputs, chosen)
        if key not in _verdicts:
            make = self._maker(shape, outputs, options)
            self._check_output(make, shape, outputs)
            with training_errors(self.reference):
                _verdicts[key] = probe(make, shape, outputs)
        return _verdicts[key]

    def module(self, shape: Sequence[int], outputs: int, options: Mapping[str, Any]) -> nn.Module:
        """Build the ordinary module, its weights drawn from torch's global generator."""
        self._check_options(options)
        return self._maker(shape, outputs, options)()

    def try_out(self, shape: Sequence[int], outputs: int, options: Mapping[str, Any]) -> None:
        """Build the module and give it a few examples, on torch's meta device where it can.

        There nothing is computed but shapes; what fails there is tried once more with numbers,
        since not everything that a module does has a meaning there.

        Raises:
            InputError: As ``build`` does.
        """
        import torch

        from ibsweep.models.module_lanes import seeded

        self._check_options(options)
        make = self._maker(shape, outputs, options)
        try:
            with seeded(0), torch.device("meta"), torch.no_grad():
                found = make().eval()(torch.empty(4, *shape, device="meta"))
            if tuple(found.shape) == (4, outputs):
                return
        except Exception:  # noqa: BLE001  which one, and whether it is one at all, is seen below
            pass
        self._check_output(make, shape, outputs)

    def _check_options(self, options: Mapping[str, Any]) -> None:
        faults = [
            f"has no option {name!r}; {suggestion(name, self.options)}"
            for name in options
            if name not in self.options
        ]
        faults += [
            f"{name}: must be {option.rule}, but got {options[name]!r}"
            for name, option in self.options.items()
            if name in options and not option.accepts(options[name])
        ]
        faults += [
            f"{name} is missing; give {option.rule}"
            for name, option in self.options.items()
            if option.required and name not in options
        ]
        if faults:
            raise InputError("\n".join(f"{self.reference}: {fault}" for fault in faults))

    def _maker(
        self, shape: Sequence[int], outputs: int, options: Mapping[str, Any]
    ) -> Callable[[], nn.Module]:
        given = {"inputs": tuple(shape), "outputs": outputs}
        arguments = {**options, **{name: given[name] for name in self.takes}}
        return functools.partial(_make, self.reference, self.function, arguments, tuple(shape))

    def _check_output(
        self, make: Callable[[], nn.Module], shape: Sequence[int], outputs: int
    ) -> None:
        import torch

        from ibsweep.models.module_lanes import seeded

        count = 4
        with seeded(0), torch.no_grad():
            module = make().eval()
            try:
                found = module(torch.rand(count, *shape))
            except (Exception, SystemExit) as error:
                text = f"does not take a batch {[count, *shape]} of examples"
                raise _fault(self.reference, text, error) from error
        wanted = [count, outputs]
        got = list(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if got != wanted and not (outputs == 1 and got == [count]):
            what = "classes" if outputs > 1 else "number"
            raise InputError(
                f"{self.reference}: of a batch {[count, *shape]} the module must make {wanted} "
                f"({outputs} {what}), but made {got}"
                + ("" if "outputs" in self.takes else "; a parameter `outputs` would be given it")
            )


def own_model(reference: str, folder: Path | None) -> OwnModel:
    """Import a model of the user's own.

    Args:
        reference: ``file.py:name`` or ``package.module:name``.
        folder: The folder of the question file.

    Raises:
        InputError: If importing it fails, it cannot be called, or its signature does not say what
            its hyperparameters are.

    Example:
        >>> model = own_model("torch.nn:ReLU", None)
        >>> model.options["inplace"].rule
        'false or true'
    """
    function = user_code.load(reference, folder)
    if not callable(function):
        raise InputError(
            f"{reference} must be a class or a function that returns an nn.Module, but is "
            f"{type(function).__name__}"
        )
    from torch import nn

    if isinstance(function, type) and function.__init__ is nn.Module.__init__:  # type: ignore[misc]
        return OwnModel(reference, function, {}, ())
    options, takes = options_of(function, reference, _GIVEN)
    return OwnModel(reference, function, options, takes)


def _make(
    reference: str,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    shape: tuple[int, ...],
) -> nn.Module:
    import torch
    from torch import nn
    from torch.nn.parameter import is_lazy

    try:
        module = function(**arguments)
    except (Exception, SystemExit) as error:
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise _fault(reference, f"cannot be built with ({shown})", error) from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{reference} must return an nn.Module, but returned {type(module).__name__}"
        )
    tensors = [*module.parameters(), *module.buffers()]
    if any(is_lazy(t) for t in tensors):
        with torch.no_grad():  # lazy layers draw their weights when they see an example
            module.eval()(torch.zeros(2, *shape))
        module.train()
    if elsewhere := {t.device.type for t in tensors} - {"cpu"}:
        raise InputError(
            f"{reference} puts tensors on {', '.join(elsewhere)} by itself; build the module on "
            "the CPU, ibsweep moves it"
        )
    return module


class training_errors:
    """Turn what a module raises in training into an InputError; running out of memory is none."""

    def __init__(self, reference: str) -> None:
        self.reference = reference

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        if isinstance(error, Exception) and not isinstance(error, InputError) and not memory:
            raise _fault(self.reference, "cannot be trained", error) from error


def _fault(reference: str, what: str, error: BaseException) -> InputError:
    """Say what went wrong, and in which line of the user's code."""
    if isinstance(error, InputError):
        return error
    text = (str(error).strip().splitlines() or [""])[0]
    gpu = any(word in str(error) for word in ("CUDA", "NVIDIA", "cuda"))
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not {"site-packages", "dist-packages", "ibsweep"} & {*Path(frame.filename).parts}
    ]
    where = f"; {lines[-1].filename}:{lines[-1].lineno}: {lines[-1].line}" if lines else ""
    hint = " (it needs a GPU, which is not here; leave devices to ibsweep)" if gpu else ""
    return InputError(f"{reference} {what}: {type(error).__name__}: {text}{hint}{where}")
