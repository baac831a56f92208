"""How often the audit of gradients raises an alarm on sound networks, and what it costs.

Networks drawn at random from timm and torchvision (those of at most 10 million parameters, with random weights, on
noise of 32 x 32 pixels that is resized to the smallest input which each takes) and our own (trained for two epochs on digits,
drawn with their options), in float32, every fourth in bfloat16. Each is looked at as an attack would; an alarm is printed
with its numbers. The cost is given as a share of the time of PGD with 20 steps on 359 examples that all withstand it.
Run by hand, for about two hours on one core:

    python tests/evidence/gradient_audit.py [NETWORKS [SEED]]
"""

from __future__ import annotations

import contextlib
import random
import re
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Draws, MeasureContext, Task, import_timm, import_torchvision
from harness.api.measuring import Chosen
from harness.catalogue.host import Host
from harness.data.model import build_model
from harness.plan.names import choose_one
from harness_attacked.attack_space import Space
from harness_attacked.attacked_model import AttackedModel, attacked_model
from harness_attacked.audit_state import ask
from harness_attacked.gradient_look import GradientLook, look_at_gradient
from harness_attacked.options import AdversarialOptions

CATALOGUE = Host().catalogue
LARGEST = 10_000_000  # parameters
SLOWEST = 0.15  # seconds of a forward and backward pass of four examples
BIG = re.compile(
    r"large|huge|giant|gigantic|xl|base|so400m|_[hgblm]\d+|_[ml]$|\d[bB]_|1[05][12]|200|269|vgg|384|448|512"
)
STEPS, EXAMPLES = 20, 359  # of the attack that the cost is a share of
OWN = {
    "mlp": {"depth": (1, 2, 4), "width": (32, 128), "activation": ("relu", "tanh", "gelu")},
    "lenet": {"dropout": (0.0, 0.3)},
    "resnet": {},
    "vit": {"depth": (1, 2, 4)},
    "gru": {"layers": (1, 2)},
}


class Drawn:
    """Examples in memory, as a measure reads them."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        """Take inputs ``(n, *shape)`` and targets ``(n,)``."""
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.inputs)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield them all."""
        yield self.inputs, self.targets, torch.arange(len(self))


def main() -> None:
    """Look at the networks, print a line for each, and the sums."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    draw = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    torch.set_num_threads(1)
    looks: list[tuple[str, str, GradientLook, float]] = []
    for name, precision in drawn(wanted, draw):
        if len(looks) == wanted:
            break
        try:
            found = look(name, precision, len(looks))
        except Exception as error:
            print(f"left out: {name}: {type(error).__name__}: {str(error)[:100]}", flush=True)
            continue
        if found is None:
            continue
        looks.append((name, precision, *found))
        one, share = found
        check = one.check
        words = "not looked at" if check is None else "ALARM" if one.is_wrong else "no alarm"
        numbers = "" if check is None else f"rise {check.rise:.3f}, wrong {check.wrong:.3f}"
        print(f"{name}, {precision}: {words}, {numbers}, {share:.2%} {one.said}", flush=True)
    summarise(looks)


def summarise(looks: list[tuple[str, str, GradientLook, float]]) -> None:
    """Print the sums by library."""
    for library in ("timm/", "torchvision/", ""):
        mine = [
            one for one in looks if one[0].startswith(library) and (library or "/" not in one[0])
        ]
        if not mine:
            continue
        alarms = sum(one.is_wrong for _, _, one, _ in mine)
        near = sum(one.check is not None and one.check.near for _, _, one, _ in mine)
        none = sum(one.check is None for _, _, one, _ in mine)
        shares = [share for *_, share in mine]
        print(
            f"{library or 'our own'}: {len(mine)} networks, {alarms} alarms, {near} in float64 too, {none} not "
            f"looked at; cost {statistics.median(shares):.2%} (median), {max(shares):.2%} (largest)"
        )


def drawn(wanted: int, draw: random.Random) -> Iterator[tuple[str, str]]:
    """Yield names and precisions: of five networks three of timm's, one of torchvision's and one of our own."""
    pools = {
        family: sorted(
            name
            for name, facts in CATALOGUE.members(
                CATALOGUE.entries("architecture")[family].item
            ).items()
            if not facts.get("unusable") and not facts.get("requires") and not BIG.search(name)
        )
        for family in ("timm/", "torchvision/")
    }
    for pool in pools.values():
        draw.shuffle(pool)
    for number in range(20 * wanted):
        family = ("timm/", "timm/", "torchvision/", "timm/", "")[number % 5]
        if family and not pools[family]:
            family = "timm/"
        name = family + pools[family].pop() if family else own(draw)
        yield name, "bf16" if number % 4 == 3 else "fp32"


def own(draw: random.Random) -> str:
    """Return the name of one of our architectures with options."""
    name = draw.choice(sorted(OWN))
    options = [f"{key}={draw.choice(values)}" for key, values in OWN[name].items()]
    return f"{name}:{','.join(options)}" if options else name


def look(name: str, precision: str, seed: int) -> tuple[GradientLook, float] | None:
    """Return what is found of a network, and what share of the attack's time it took; None: it is too large."""
    is_own = "/" not in name
    task, data = digits() if is_own else noise(seed)
    chosen = choose_one(CATALOGUE, "architecture", name)
    if not is_own and size(name) > LARGEST:
        return None
    torch.manual_seed(seed)
    model = build_model(chosen, task)
    if is_own:
        train(model, data)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    context = make_context(task, model, data, precision)
    with attacked_model(context, Space(0.0, 1.0), context.options, model) as attacked:
        step = seconds_a_step(attacked, data)
        if step > SLOWEST:
            return None
        start = time.process_time()
        found = look_at_gradient(
            context, attacked, data.inputs[-20:], data.targets[-20:], precision
        )
        seconds = time.process_time() - start
    return found, seconds / (STEPS * EXAMPLES * step / 4)


def size(name: str) -> int:
    """Return the number of parameters of a library's network, of which no memory is asked for."""
    library, _, member = name.partition("/")
    device = "meta" if library == "timm" else "cpu"  # torchvision's read numbers of theirs
    with torch.device(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if library == "timm":
            model = import_timm().create_model(member)
        else:
            model = import_torchvision().models.get_model(member, weights=None)
    return sum(parameter.numel() for parameter in model.parameters())


def seconds_a_step(attacked: AttackedModel, data: Drawn) -> float:
    """Return the time of a forward and backward pass of four examples: the faster of two."""
    found = []
    for _ in range(2):
        start = time.process_time()
        ask(attacked, data.inputs[:4], data.targets[:4])
        found.append(time.process_time() - start)
    return min(found)


def train(model: nn.Module, data: Drawn) -> None:
    """Train a network for two epochs, so that its kinks are where training puts them."""
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(2):
        for rows in torch.randperm(1400).split(64):
            loss = functional.cross_entropy(model(data.inputs[rows]), data.targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def digits() -> tuple[Task, Drawn]:
    """Return the handwritten digits."""
    from sklearn.datasets import load_digits

    found = load_digits()
    inputs = torch.tensor(found.images / 16, dtype=torch.float32)[:, None]
    return make_task((1, 8, 8), 10), Drawn(inputs, torch.tensor(found.target))


def noise(seed: int) -> tuple[Task, Drawn]:
    """Return images of smooth noise."""
    ids = torch.arange(24)
    coarse = Draws(seed, ids).uniform("noise", (3, 8, 8))
    images = functional.interpolate(coarse.float(), size=32, mode="bilinear").clamp(0, 1)
    return make_task((3, 32, 32), 10), Drawn(images, ids % 10)


def make_task(shape: tuple[int, ...], outputs: int) -> Task:
    """Return a task of images from 0 to 1."""
    return Task(
        modality="image",
        problem="classification",
        input_shape=shape,
        outputs=outputs,
        low=0.0,
        high=1.0,
        mean=(0.5,) * shape[0],
        std=(0.25,) * shape[0],
    )


def make_context(task: Task, model: nn.Module, data: Drawn, precision: str) -> MeasureContext:
    """Return what a measure would be given."""

    def autocast() -> Any:
        if precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast("cpu", torch.bfloat16)

    def choose(kind: str, name: str) -> Chosen:
        return choose_one(CATALOGUE, kind, name)

    return MeasureContext(
        task=task,
        model=model,
        device=torch.device("cpu"),
        precision=precision,
        threads=1,
        seed=0,
        options=AdversarialOptions(),
        folder=Path(tempfile.gettempdir()),
        split=lambda name: data,
        corrupted=lambda shift, severity: data,
        choose=choose,
        autocast=autocast,
    )


if __name__ == "__main__":
    main()
