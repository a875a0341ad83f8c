"""The compiled kernels against the same networks in torch's operations."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from numba.core import errors

from ibsweep.models import backend, build
from ibsweep.training import LaneData, Trainer, TrainingSettings

PACKAGE = Path(backend.__file__).parent.parent

CASES = {
    "simple": ("simple_cnn", {"kernel_size": 7}),
    "average": ("simple_cnn", {"kernel_size": 3, "pooling": "average"}),
    "even": ("simple_cnn", {"kernel_size": 2}),
    "large": ("simple_cnn", {"kernel_size": 9, "num_filters": 2}),
    "larger": ("simple_cnn", {"kernel_size": 13, "num_filters": 5}),
    "one tap": ("simple_cnn", {"kernel_size": 1, "num_filters": 1}),
    "wider": ("wider_cnn", {"kernel_size": 5, "num_filters": 7}),
    "deeper": ("deeper_cnn", {"kernel_size": 3}),
    "odd depth": ("deeper_cnn", {"kernel_size": 4, "num_layers": 3, "num_filters": 4}),
    "no pooling": ("three_layer_cnn", {"kernel_size": 6, "num_filters": 4}),
    "general": ("cnn", {"depth": 3, "width": 5}),
    "one layer": ("cnn", {"depth": 1, "width": 5, "pooling": "average"}),
    "many": ("wider_cnn", {"kernel_size": 3, "num_filters": 13}),
}
PERCEPTRONS = {
    "notebook's": ("three_layer_mlp", {"hidden_dim_1": 50, "hidden_dim_2": 10}),
    "odd": ("three_layer_mlp", {"hidden_dim_1": 7, "hidden_dim_2": 1}),
    "general mlp": ("mlp", {"depth": 3, "width": 9}),
    "two layers": ("two_layer_mlp", {}),
    "frozen": ("simple_cnn", {"kernel_size": 7, "freeze_conv": True}),
}
ALL = CASES | PERCEPTRONS
OPTIMIZERS = {
    "sgd": {"lr": [0.05, 0.01, 0.1], "momentum": [0.9, 0.0, 0.5], "weight_decay": [0, 1e-3, 0]},
    "adam": {"lr": [0.01, 0.001, 0.003], "momentum": 0.9, "weight_decay": [0, 0, 1e-2]},
    "adamw": {"lr": 0.003, "momentum": [0.9, 0.5, 0.0], "weight_decay": [1e-2, 0, 1e-3]},
}
LANES, COUNT, CLASSES = 3, 11, 4


def data(seed=0, count=COUNT):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(LANES, count, 1, 28, 28, generator=generator)
    # rows of one colour: equal pixels in a pooling window, as in the questions' backgrounds
    images[:, :, :, 5:15] = images[:, :, :, 5:6, :1]
    labels = torch.randint(0, CLASSES, (LANES, count), generator=generator)
    return LaneData(images, labels)


def trainer(case, *, use_kernels, optimizer="sgd", train=None):
    name, options = ALL[case]
    model = build(name, [1, 2, 3], num_classes=CLASSES, **options)
    model.use_kernels = use_kernels
    settings = TrainingSettings(batch_size=4, optimizer=optimizer, **OPTIMIZERS[optimizer])
    result = Trainer(model, settings, train or data(), [4, 5, 6])
    assert model.runs_in_kernels(result.inputs) == use_kernels
    return result


def assert_same(fast, plain, **tolerances):
    for (name, one), other in zip(
        fast.model.named_parameters(), plain.model.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, msg=lambda m, n=name: f"{n}: {m}", **tolerances)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("case", ALL)
def test_two_epochs_end_at_the_same_weights(case, optimizer):
    fast = trainer(case, use_kernels=True, optimizer=optimizer)
    plain = trainer(case, use_kernels=False, optimizer=optimizer)
    for run in (fast, plain):
        run.run_to(2)
    assert fast.model.runs_in_kernels(fast.inputs), "Numba failed, and torch did the work"
    assert_same(fast, plain, rtol=1e-3, atol=2e-5)
    torch.testing.assert_close(
        fast.train_figures["loss"], plain.train_figures["loss"], rtol=1e-4, atol=1e-5
    )
    assert fast.optimizer.steps == plain.optimizer.steps == 6
    for slot, values in fast.optimizer.state.items():
        for one, other in zip(values, plain.optimizer.state[slot], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_inference_gives_the_same_logits(case):
    name, options = CASES[case]
    model = build(name, [1, 2, 3], num_classes=CLASSES, **options)
    images = data(1).inputs
    with torch.no_grad():
        fast = model(images)
        model.use_kernels = False
        plain = model(images)
    assert not torch.equal(fast, plain) or options["kernel_size"] == 1  # not one against itself
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "resolution", "options"),
    [
        ("simple_cnn", 6, {"kernel_size": 3}),
        ("simple_cnn", 9, {"kernel_size": 4, "pooling": "average"}),
        ("three_layer_cnn", 5, {"kernel_size": 5, "num_filters": 2}),
        ("wider_cnn", 33, {"kernel_size": 5, "num_filters": 9}),
        ("deeper_cnn", 65, {"kernel_size": 2, "num_layers": 3, "pooling": "average"}),
        ("deeper_cnn", 71, {"kernel_size": 7, "num_layers": 2}),
    ],
)
def test_other_resolutions(name, resolution, options):
    """Rows shorter than a vector, and rows of several of which the last is nearly empty."""
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(2, 5, 1, resolution, resolution, generator=generator)
    labels = torch.randint(0, 3, (2, 5), generator=generator)
    runs = []
    for use_kernels in (True, False):
        model = build(name, [1, 2], num_classes=3, resolution=resolution, **options)
        model.use_kernels = use_kernels
        settings = TrainingSettings(lr=0.05, batch_size=2)
        runs.append(Trainer(model, settings, LaneData(images, labels), [4, 5]))
        assert model.runs_in_kernels(runs[-1].inputs) == use_kernels
        runs[-1].run_to(3)
    assert_same(*runs, rtol=1e-3, atol=2e-5)


def test_a_gradient_goes_to_the_first_of_equal_pixels_as_in_torch():
    """On flat images all pixels of a pooling window are equal; counted twice, a gradient would
    double."""
    flat = LaneData(torch.full((LANES, 4, 1, 28, 28), 0.5), torch.tensor([[0, 1, 2, 3]] * LANES))
    fast = trainer("simple", use_kernels=True, train=flat)
    plain = trainer("simple", use_kernels=False, train=flat)
    for run in (fast, plain):
        run.run_to(3)
    assert_same(fast, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", ["deeper", "odd"])
def test_threads_share_lanes_out_and_change_nothing(case):
    alone, shared = (trainer(case, use_kernels=True) for _ in range(2))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone.run_to(2)
        torch.set_num_threads(2)
        shared.run_to(2)
        scores = shared.evaluate(data(2))
    finally:
        torch.set_num_threads(threads)
    assert_same(shared, alone, rtol=0, atol=0)
    assert torch.equal(scores.loss, alone.evaluate(data(2)).loss)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("layer", ["conv1.weight", "conv2.bias", "fc.weight"])
def test_what_is_not_finite_stays_in_its_lane_and_is_seen(layer, bad):
    hurt, clean = (trainer("average", use_kernels=True) for _ in range(2))
    with torch.no_grad():
        hurt.model.get_parameter(layer)[1] = bad
    for run in (hurt, clean):
        run.run_to(1)
    assert hurt.diverged == [None, 1, None]
    for one, other in zip(hurt.model.parameters(), clean.model.parameters(), strict=True):
        assert torch.equal(one[[0, 2]], other[[0, 2]])
        assert (one[1] == 0).all()


@pytest.mark.parametrize("rates", [[0.05, 1e6, 0.1], [1e6, 1e9, 1e12]])
@pytest.mark.parametrize("case", ["simple", "notebook's"])
def test_epochs_of_one_call_end_as_epochs_one_by_one(case, rates):
    """Also where lanes diverge on the way: in the same epoch, with the same figures after it."""
    together, single = (trainer(case, use_kernels=True) for _ in range(2))
    for run in (together, single):
        run.optimizer.lr.copy_(torch.tensor(rates))
    together.run_to(12)
    while single.epoch < 12 and not single.all_diverged:
        single.run_epoch()
    assert together.diverged == single.diverged
    assert None not in together.diverged[1:2]
    assert together.epoch == single.epoch
    torch.testing.assert_close(together.train_figures, single.train_figures, equal_nan=True)
    assert_same(together, single, rtol=0, atol=0)


def test_frozen_convolutions_are_gone_through_once():
    model = build("simple_cnn", [1, 2, 3], kernel_size=7, freeze_conv=True)
    train = LaneData(data().inputs, data().targets % 3)
    assert model.prepare(train.inputs).shape == (LANES, COUNT, 3)
    frozen = Trainer(model, TrainingSettings(lr=0.1, batch_size=4), train, [4, 5, 6])
    frozen.run_to(2)

    plain = build("simple_cnn", [1, 2, 3], kernel_size=7)
    ordinary = [
        torch.nn.functional.linear(
            plain.features(train.inputs)["mean"][lane], plain.fc.weight[lane], plain.fc.bias[lane]
        )
        for lane in range(LANES)
    ]
    torch.testing.assert_close(plain(train.inputs), torch.stack(ordinary))
    # only the classifier learns: the same steps by hand
    features = plain.features(train.inputs)["mean"].detach()
    weight = plain.fc.weight.detach().clone().requires_grad_()
    bias = plain.fc.bias.detach().clone().requires_grad_()
    buffers = [torch.zeros_like(weight), torch.zeros_like(bias)]
    generators = [torch.Generator().manual_seed(s) for s in (4, 5, 6)]
    for _ in range(2):
        orders = [torch.randperm(COUNT, generator=g) for g in generators]
        for start in range(0, COUNT, 4):
            loss = 0
            for lane, order in enumerate(orders):
                batch = order[start : start + 4]
                logits = features[lane, batch] @ weight[lane].T + bias[lane]
                loss = loss + torch.nn.functional.cross_entropy(logits, train.targets[lane, batch])
            grads = torch.autograd.grad(loss, (weight, bias))
            with torch.no_grad():
                for parameter, grad, buffer in zip((weight, bias), grads, buffers, strict=True):
                    buffer.mul_(0.9).add_(grad)
                    parameter.sub_(0.1 * buffer)
    torch.testing.assert_close(frozen.model.fc.weight, weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(frozen.model.fc.bias, bias, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_machines_with_half_the_vector(tmp_path):
    """The same kernels as a machine without AVX-512 compiles them."""
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    if not features.get("avx512f"):
        pytest.skip("this is such a machine")
    for name in features:
        features[name] &= not name.startswith(("avx512", "avx10", "amx"))
    narrow = {"NUMBA_CPU_FEATURES": features.flatten(), "NUMBA_CPU_NAME": "haswell"}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", __file__, "-k", "two_epochs and sgd"]
    result = subprocess.run(
        command,
        env={**os.environ, **narrow, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert f"{len(ALL)} passed" in result.stdout


WEIGHTS = """
import hashlib, sys
import torch
from ibsweep.models import backend, build
from ibsweep.training import LaneData, Trainer, TrainingSettings

MODELS = {"cnn": ("simple_cnn", 7), "wide": ("wider_cnn", 5), "mlp": ("two_layer_mlp", None)}
generator = torch.Generator().manual_seed(0)
images = torch.rand(2, 24, 1, 28, 28, generator=generator)
data = LaneData(images, torch.randint(0, 3, (2, 24), generator=generator))
for step in sys.argv[1:]:
    name, size = MODELS[step.removesuffix(" inference")]
    model = build(name, [1, 2], num_classes=3, **({"kernel_size": size} if size else {}))
    if step.endswith(" inference"):
        figures = [model(images).detach()]
    else:
        run = Trainer(model, TrainingSettings(lr=0.02, batch_size=4), data, [1, 2])
        run.run_to(5)
        figures = [*model.parameters(), run.train_figures["loss"]]
    bits = b"".join(figure.detach().numpy().tobytes() for figure in figures)
    print(step, hashlib.sha256(bits).hexdigest(), sep=": ")
assert backend.available()
"""


@pytest.mark.slow
def test_who_compiles_trains_as_those_do_who_load_what_was_compiled(tmp_path):
    """Bit for bit, in whatever order kernels come, and where two compile at the same time."""

    def start(cache, *steps):
        return subprocess.Popen(
            [sys.executable, "-c", WEIGHTS, *steps],
            env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": str(tmp_path / cache)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def compiled(cache):
        return len(list((tmp_path / cache).rglob("*.nbc")))

    def end(process):
        out, _ = process.communicate(timeout=240)
        assert process.returncode == 0
        return dict(line.split(": ") for line in out.splitlines())

    steps = ["cnn", "wide", "mlp", "cnn inference"]
    both = [start("one", *steps) for _ in range(2)]
    first, second = [end(process) for process in both]
    count = compiled("one")
    loaded, reverse = end(start("one", *steps)), end(start("one", *reversed(steps)))
    assert compiled("one") == count > 0
    # another kind of network compiled first, inference alone, and what both need known by then
    other = end(start("two", "mlp", "cnn inference"))
    assert 0 < compiled("two") < count
    other |= end(start("two", "wide", "cnn"))
    assert first == second == loaded == reverse == other
    assert list(first) == steps
    assert len(set(first.values())) == len(steps)


def test_many_filters_are_left_to_torch():
    images = data().inputs
    for filters, expected in ((63, True), (64, False)):
        model = build("wider_cnn", [1, 2, 3], num_filters=filters)
        assert model.runs_in_kernels(model.prepare(images)) == expected


def test_without_numba_torch_does_the_work(monkeypatch):
    monkeypatch.setattr(backend, "available", lambda: False)
    run = trainer("simple", use_kernels=False)
    run.model.use_kernels = True
    assert not run.model.runs_in_kernels(run.inputs)
    run.run_to(1)
    assert run.evaluate(data(1)).loss.isfinite().all()


def failing(error, module):
    """Return a function of a module that raises an error."""
    scope = {"__name__": module, "error": error}
    exec("def fail(*_):\n    raise error", scope)
    return scope["fail"]


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (MemoryError("no room"), "ibsweep.models.kernels.training"),
        (MemoryError("no room"), "numba.core.dispatcher"),
        (RuntimeError("can't allocate memory: you tried to allocate 1 byte"), "torch"),
        (KeyError("rmsprop"), "ibsweep.models.backend"),
        (ValueError("wrong shape"), "numbering"),
    ],
)
def test_what_is_not_numbas_fault_is_raised_as_it_is(error, module, monkeypatch, capsys):
    run = trainer("simple", use_kernels=True)
    with monkeypatch.context() as patch:
        patch.setattr(backend.training, "train", failing(error, module))
        with pytest.raises(type(error)) as raised:
            run.run_to(1)
        patch.setattr(backend.convolution, "infer", failing(error, module))
        with pytest.raises(type(error)):
            run.evaluate(data(1))
    assert raised.value is error
    assert backend.available()
    assert backend.fault() is None
    assert capsys.readouterr().err == ""
    run.run_to(1)  # as if nothing had been


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (errors.LoweringError("no such thing"), "ibsweep.models.kernels.training"),
        (ImportError("it is gone"), "ibsweep.models.kernels.training"),
        (AttributeError("it is gone"), "numba.core.lowering"),
        (OSError("no index"), "numba.core.caching"),
        (RuntimeError("no such pass"), "llvmlite.binding.passmanagers"),
    ],
)
def test_numbas_own_fault_leaves_the_work_to_torch(error, module, monkeypatch):
    monkeypatch.setattr(backend, "_error", None)  # is put back
    run = trainer("simple", use_kernels=True)
    monkeypatch.setattr(backend.training, "train", failing(error, module))
    run.run_to(1)
    assert run.epoch == 1
    assert not backend.available()
    assert type(error).__name__ in backend.fault()


def test_kernels_are_compiled_anew_when_one_that_they_call_has_changed(tmp_path):
    """Numba's own look at sources does not reach so far; an upgrade would run old code."""
    copy, cache = tmp_path / "ibsweep", tmp_path / "cache"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    kernels = copy / "models" / "kernels"
    head = "from ibsweep.models.kernels.common import compile_kernel\n"
    inner = f"{head}@compile_kernel\ndef inner(x):\n    return x + 1\n"
    outer = f"{head}from ibsweep.models.kernels.inner import inner\n"
    outer += "@compile_kernel\ndef outer(x):\n    return inner(x)\n"
    (kernels / "outer.py").write_text(outer)
    code = "from ibsweep.models.kernels.outer import outer; print(outer(2))"
    found = []
    for text in (inner, inner, inner.replace("x + 1", "x + 5")):
        (kernels / "inner.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(int(done.stdout))
    assert found == [3, 3, 7]
    assert len([path for path in (cache / "ibsweep" / "kernels").iterdir() if path.is_dir()]) == 2


MISSING = "import numba.core.cgutils as c; del c.unpack_tuple"
RENAMED = "import numba.core.cgutils as c; del c.alloca_once_value"
GONE = "import sys; sys.modules['numba.core.cgutils'] = None"
ABSENT = """
import sys

class Absent:
    def find_spec(self, name, *_):
        if name == "numba":
            raise ModuleNotFoundError("No module named 'numba'", name=name)

sys.meta_path.insert(0, Absent())
"""
TRAIN = """
import torch
from ibsweep.models import backend, build
from ibsweep.training import LaneData, Trainer, TrainingSettings

data = LaneData(torch.rand(2, 6, 1, 28, 28), torch.tensor([[0, 1, 2, 0, 1, 2]] * 2))
for name in ("simple_cnn", "two_layer_mlp"):
    for _ in range(2):
        run = Trainer(build(name, [1, 2]), TrainingSettings(lr=0.1, batch_size=4), data, [1, 2])
        run.run_to(3)
        assert run.evaluate(data).loss.isfinite().all()
        assert run.optimizer.steps == 6
print(backend.available())
"""


def test_without_numba_sweeps_run_and_have_nothing_to_keep():
    code = "from ibsweep.sweep import runner\nassert runner.cache_note() is None"
    subprocess.run([sys.executable, "-c", f"{ABSENT}\n{code}"], check=True)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("", None),
        (ABSENT, None),  # a machine that trains on its GPU may do without
        (GONE, "ModuleNotFoundError: import of numba.core.cgutils halted"),
        (MISSING, "has no attribute 'unpack_tuple'"),
        (RENAMED, "has no attribute 'alloca_once_value'"),
        ("import numba; del numba.njit", "ImportError: cannot import name 'njit'"),
    ],
)
def test_where_numba_fails_torch_does_the_work_and_one_line_says_so(fault, words, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", f"{fault}\n{TRAIN}"],
        # an own cache where something is to be compiled: what is kept there would hide the fault
        env={**os.environ, **({"XDG_CACHE_HOME": str(tmp_path)} if fault else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(not fault)]
    lines = done.stderr.splitlines()
    assert len(lines) == (1 if words else 0), done.stderr
    for line in lines:
        assert line.startswith("ibsweep: Numba cannot compile the kernels")
        assert words in line
