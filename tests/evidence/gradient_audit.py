"""How often the audit of gradients raises an alarm on sound networks, and what it costs.

Networks drawn at random from timm and torchvision (those of at most 10 million parameters, with random weights, on
noise of 32 x 32 pixels on a black background and with white spots, that is resized to the smallest input which each takes;
half of them without normalisation, so that black is 0 to their first layer as well) and our own (trained for two epochs on digits,
drawn with their options), in float32, every fourth in bfloat16. Each is looked at as an attack would; an alarm is printed
with its numbers. The cost is given as a share of what PGD with 20 steps takes on 359 examples that all withstand it: of its
passes (of one example, a backward pass counted as two) and of its seconds of CPU.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_hook

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


@dataclass(frozen=True)
class Looked:
    """What was found of a network. passes, seconds: what it took, as shares of the attack's."""

    name: str
    precision: str
    look: GradientLook
    passes: float
    seconds: float


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
    looks: list[Looked] = []
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
        looks.append(found)
        one, check = found.look, found.look.check
        words = "not looked at" if check is None else "ALARM" if one.is_wrong else "no alarm"
        numbers = "" if check is None else f"rise {check.rise:.3f}, wrong {check.wrong:.3f}"
        cost = f"{found.passes:.2%} of passes, {found.seconds:.2%} of time"
        print(f"{name}, {precision}: {words}, {numbers}, {cost} {one.said}", flush=True)
    summarise(looks)


def summarise(looks: list[Looked]) -> None:
    """Print the sums by library."""
    for library in ("timm/", "torchvision/", ""):
        mine = [
            one
            for one in looks
            if one.name.startswith(library) and (library or "/" not in one.name)
        ]
        if not mine:
            continue
        alarms = sum(one.look.is_wrong for one in mine)
        near = sum(one.look.check is not None and one.look.check.near for one in mine)
        none = sum(one.look.check is None for one in mine)
        half = sum(one.precision == "bf16" for one in mine)
        passes, seconds = [one.passes for one in mine], [one.seconds for one in mine]
        print(
            f"{library or 'our own'}: {len(mine)} networks, {half} in bf16, {alarms} alarms, {near} in float64 too, "
            f"{none} not looked at; median and largest share of passes {statistics.median(passes):.2%}, {max(passes):.2%}, "
            f"of time {statistics.median(seconds):.2%}, {max(seconds):.2%}"
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


def look(name: str, precision: str, seed: int) -> Looked | None:
    """Return what is found of a network, and what it took; None: it is too large."""
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
        passes, handle = counted_passes(model)
        start = time.process_time()
        found = look_at_gradient(
            context, attacked, data.inputs[-20:], data.targets[-20:], precision
        )
        seconds = time.process_time() - start
        handle.remove()
    attack = STEPS * EXAMPLES
    return Looked(name, precision, found, sum(passes) / 3 / attack, seconds / (attack * step / 4))


def counted_passes(model: nn.Module) -> tuple[list[int], Any]:
    """Return a list to which each pass of a model and of copies of it adds its size, and what ends that.

    In forward passes of one example; a backward pass counts as two.
    """
    passes: list[int] = []

    def note(module: nn.Module, given: Any, output: Tensor) -> None:
        if type(module) is type(model):  # or a copy of it, as in float64
            passes.append(len(output))
            if output.requires_grad:
                output.register_hook(lambda gradient: passes.append(2 * len(gradient)))

    return passes, register_module_forward_hook(note)


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
    """Return images of smooth noise, a third of whose values are 0 and a tenth 1; every other time not normalised."""
    ids = torch.arange(24)
    coarse = Draws(seed, ids).uniform("noise", (3, 8, 8))
    images = functional.interpolate(coarse.float(), size=32, mode="bilinear")
    black, white = images.quantile(1 / 3), images.quantile(0.9)
    images = ((images - black) / (white - black)).clamp(0, 1)
    return make_task((3, 32, 32), 10, seed % 2 == 0), Drawn(images, ids % 10)


def make_task(shape: tuple[int, ...], outputs: int, is_normalised: bool = True) -> Task:
    """Return a task of images from 0 to 1."""
    return Task(
        modality="image",
        problem="classification",
        input_shape=shape,
        outputs=outputs,
        low=0.0,
        high=1.0,
        mean=(0.5 if is_normalised else 0.0,) * shape[0],
        std=(0.25 if is_normalised else 1.0,) * shape[0],
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
