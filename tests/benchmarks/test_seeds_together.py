"""What there is to gain by training fits that differ in seed alone as one: a bare loop over stacked weights against five.

Both are what a person would write for one experiment, of the same steps: batches by index, each seed's in its own order,
cross-entropy, AdamW, one thread. They run in one process and by turns (A B B A ...), timed by its CPU time. The losses
are the same; whether the weights are, bit for bit, is told: with grouped convolutions they are not. Steps of an MLP that are
written out are timed for all seeds together and for one after another, as what they save is not all due to the seeds.
"""

import copy
import math
import statistics
import time
from collections.abc import Iterator

import pytest
import torch
from stacked_seeds import EXACT, GROUPED, Stacked, StackedOptimizer
from torch import Tensor, nn
from torch.nn import functional
from written_out_mlp import WrittenOutMlp

from harness_architectures.lenet import Lenet
from harness_architectures.mlp import Mlp
from harness_architectures.options import LenetOptions, MlpOptions, VitOptions
from harness_architectures.vit import Vit
from harness_training.adamw import build
from harness_training.options import AdamwOptions

SEEDS, BATCH, EXAMPLES = 5, 64, 1078
MAKE = {
    "mlp": lambda: Mlp(64, 10, MlpOptions()),
    "lenet": lambda: Lenet((1, 8, 8), 10, LenetOptions()),
    "vit": lambda: Vit((1, 8, 8), 10, 2, VitOptions()),
}


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_optimizer(parameters):
    return build([("", one) for one in parameters], 1e-2, AdamwOptions())


def one_by_one(
    models: list[nn.Module], orders: Tensor, inputs: Tensor, targets: Tensor
) -> list[float]:
    """Return the mean loss of each seed; orders: positions of examples ``(seeds, steps, batch)``."""
    found = []
    for model, order in zip(models, orders, strict=True):
        optimizer, total = make_optimizer(model.parameters()), torch.zeros(())
        for index in order:
            loss = functional.cross_entropy(model(inputs[index]), targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        found.append(float(total) / len(order))
    return found


def together(
    stack: Stacked, model: nn.Module, orders: Tensor, inputs: Tensor, targets: Tensor
) -> list[float]:
    optimizer, totals = StackedOptimizer(model, stack, make_optimizer), torch.zeros(len(orders))
    for index in orders.transpose(0, 1).flatten(1):
        logits, wanted = stack(inputs[index]), targets[index]
        losses = functional.cross_entropy(logits, wanted, reduction="none")
        means = losses.view(len(orders), -1).mean(1)
        optimizer.zero_grad()
        means.sum().backward()
        optimizer.step()
        totals += means.detach()
    return (totals / orders.shape[1]).tolist()


def written_out(mlp: WrittenOutMlp, orders: Tensor, inputs: Tensor, targets: Tensor) -> list[float]:
    totals = torch.zeros(len(orders))
    for index in orders.transpose(0, 1).flatten(1):
        totals += mlp.step(inputs[index], targets[index], 1e-2)
    return (totals / orders.shape[1]).tolist()


@pytest.mark.usefixtures("one_thread")
def test_steps_written_out(benchmark):
    torch.manual_seed(0)
    inputs, targets = torch.rand(EXAMPLES, 1, 8, 8), torch.randint(0, 10, (EXAMPLES,))
    flat, measuring = inputs.flatten(1), benchmark.enabled
    steps, rounds = (150, 15) if measuring else (3, 1)
    seconds: dict[str, list[float]] = {"autograd": [], "together": [], "one by one": []}

    def compare() -> None:
        models = [MAKE["mlp"]() for _ in range(SEEDS)]
        whole, single = WrittenOutMlp(models, BATCH), [WrittenOutMlp([m], BATCH) for m in models]
        orders = torch.randint(0, EXAMPLES, (SEEDS, steps, BATCH))
        does = {
            "autograd": lambda: one_by_one(models, orders, inputs, targets),
            "together": lambda: written_out(whole, orders, flat, targets),
            "one by one": lambda: [
                loss
                for one, order in zip(single, orders, strict=True)
                for loss in written_out(one, order[None], flat, targets)
            ],
        }
        losses = {}
        for name in list(does) if len(seconds["together"]) % 2 else list(reversed(does)):
            began = time.process_time()
            losses[name] = does[name]()
            seconds[name].append(time.process_time() - began)
        assert losses["together"] == losses["one by one"]
        assert losses["together"] == pytest.approx(losses["autograd"], rel=1e-5)
        for k, model in enumerate(models):
            layers = [one for one in model.modules() if isinstance(one, nn.Linear)]
            for place, layer in enumerate(layers):
                for mlp, seed in ((whole, k), (single[k], 0)):
                    assert torch.equal(mlp.weights[place][seed], layer.weight)
                    assert torch.equal(mlp.biases[place][seed], layer.bias)

    benchmark.pedantic(compare, rounds=rounds, warmup_rounds=1 if measuring else 0)
    for name in ("together", "one by one") if measuring else ():
        pairs = zip(seconds[name][1:], seconds["autograd"][1:], strict=True)
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        outer = int(len(ratios) / 2 - math.sqrt(len(ratios)))
        benchmark.extra_info[name] = (
            statistics.median(ratios),
            (ratios[outer], ratios[-1 - outer]),  # 95 %, by the sign test
        )
    print(f"\nmlp, written out: {benchmark.extra_info}")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("architecture", "layers", "steps"),
    [("mlp", "exact", 150), ("lenet", "exact", 40), ("lenet", "grouped", 40), ("vit", "exact", 8)],
)
def test_seeds_together(benchmark, architecture, layers, steps):
    torch.manual_seed(0)
    inputs, targets = torch.rand(EXAMPLES, 1, 8, 8), torch.randint(0, 10, (EXAMPLES,))
    make, kinds = MAKE[architecture], {"exact": EXACT, "grouped": GROUPED}[layers]
    measuring = benchmark.enabled
    steps, rounds = (steps, 15) if measuring else (2, 1)
    seconds: dict[str, list[float]] = {"alone": [], "together": []}
    equal = []

    def compare() -> None:
        models = [make() for _ in range(SEEDS)]
        stack, like = Stacked(models, kinds), copy.deepcopy(models[0])
        orders = torch.randint(0, EXAMPLES, (SEEDS, steps, BATCH))
        does = {
            "alone": lambda: one_by_one(models, orders, inputs, targets),
            "together": lambda: together(stack, like, orders, inputs, targets),
        }
        losses = {}
        for name in list(does) if len(equal) % 2 else list(reversed(does)):
            began = time.process_time()
            losses[name] = does[name]()
            seconds[name].append(time.process_time() - began)
        assert losses["together"] == pytest.approx(losses["alone"], rel=1e-4)
        ours = stack.weights
        theirs = [dict(model.named_parameters()) for model in models]
        assert set(ours) == set(theirs[0])
        pairs = [(ours[n][k], one[n]) for k, one in enumerate(theirs) for n in ours]
        equal.append(all(torch.equal(one, other) for one, other in pairs))

    benchmark.pedantic(compare, rounds=rounds, warmup_rounds=1 if measuring else 0)
    if not measuring:
        return
    ratios = sorted(b / a for a, b in zip(*(s[1:] for s in seconds.values()), strict=True))
    outer = int(len(ratios) / 2 - math.sqrt(len(ratios)))
    benchmark.extra_info |= {
        "same_bits": all(equal),
        "median_of_ratios": statistics.median(ratios),
        "interval": (ratios[outer], ratios[-1 - outer]),  # 95 %, by the sign test
        "microseconds_a_step": {name: 1e6 * min(every) / steps for name, every in seconds.items()},
    }
    print(f"\n{architecture}, {layers}: {benchmark.extra_info}")
