"""A script: predict the largest batch for a bounded memory, then search for it by trying.

Takes a model's name, "mlp" or "cnn", and a limit in MiB; writes {mode: [predicted, found]} as JSON.
"""

import json
import os
import resource
import sys

# Every tensor is mapped apart, or fragments of the heap would be the limit.
if os.environ.get("MALLOC_MMAP_THRESHOLD_") != "65536":
    os.environ.update(MALLOC_MMAP_THRESHOLD_="65536", MALLOC_ARENA_MAX="1")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch
from torch import nn

from harness.measure.memory import parse_status
from harness.measure.tensor_memory import predict_largest_batch
from harness.measure.training_step import adamw_with_state, training_step


def build(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Return a model whose activations outweigh all else, and the shape of an example."""
    if name == "mlp":
        layers = (nn.Linear(16, 2048), nn.GELU(), nn.LayerNorm(2048), nn.ReLU(), nn.Linear(2048, 4))
        return nn.Sequential(*layers), (16,)
    convolutions = (nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1))
    head = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    # Channels last, as oneDNN wants them: else it reorders, which takes memory of its own.
    return nn.Sequential(*convolutions, *head).to(memory_format=torch.channels_last), (3, 64, 64)


def runs(name: str, mode: str, batch_size: int) -> bool:
    model, shape = build(name)
    try:
        inputs = torch.zeros(batch_size, *shape)
        if mode == "training":
            optimizer = adamw_with_state(model.train())
            for _ in range(2):
                training_step(model, optimizer, inputs)
        else:
            with torch.inference_mode():
                model.eval()(inputs)
    except RuntimeError as error:
        if "allocate memory" not in str(error):
            raise
        return False
    return True


def main(name: str, mebibytes: int) -> None:
    torch.set_num_threads(1)
    limit = mebibytes * 2**20
    model, shape = build(name)
    found = {}
    for mode in ("inference", "training"):
        predicted = predict_largest_batch(model, shape, limit, training=mode == "training")
        found[mode] = [predicted, 0]
        runs(name, mode, 2)  # loads the libraries' code
    with open("/proc/self/status", encoding="utf-8") as status:
        used = parse_status(status.read(), "VmData")
    resource.setrlimit(resource.RLIMIT_DATA, (used + limit, used + limit))
    for mode, pair in found.items():
        low, high = 1, 32
        while runs(name, mode, high):
            low, high = high, 2 * high
        while high - low > max(1, low // 50):
            middle = (low + high) // 2
            low, high = (middle, high) if runs(name, mode, middle) else (low, middle)
        pair[1] = low
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
