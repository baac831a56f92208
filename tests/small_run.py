"""One small real run, shared by the tests of its summary."""

from pathlib import Path
from typing import Any

import pytest

import harness

SUITE = {
    "suite": {"name": "small"},
    "matrix": {
        "architectures": ["mlp", "lenet", "nobody.knows:Net"],
        "datasets": ["digits", "diabetes"],
        "seeds": [0, 1],
    },
    "recipes": {"plain": {"epochs": 4, "optimizer": "adamw:learning_rate=1e-2"}},
    "measure": [
        {"name": "accuracy"},
        {"name": "throughput", "batch_sizes": [1, 16], "seconds": 0.1},
        {"name": "flops"},
        {"name": "adversarial", "attacks": ["fgsm", "pgd:steps=3"], "epsilons": ["1/16", "2/16"]},
        {"name": "shift", "shifts": ["gaussian_noise", "contrast"], "severities": [1, 5]},
    ],
}

NET = '''
from torch import nn


class Net(nn.Module):
    """Builds, and fails when it is used."""

    def __init__(self, num_classes):
        super().__init__()
        self.linear = nn.Linear(2, num_classes)

    def forward(self, inputs):
        raise ValueError("this network never works")
'''


@pytest.fixture(scope="session")
def small_suite() -> dict[str, Any]:
    return SUITE


@pytest.fixture(scope="session")
def small_store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("small")


@pytest.fixture(scope="session")
def small_run(small_store, tmp_path_factory) -> harness.Run:
    folder = tmp_path_factory.mktemp("package")
    (folder / "broken_net.py").write_text(NET)
    plugin = folder / "broken_plugin.py"
    plugin.write_text(
        "from harness.api import Architecture, hookimpl\n\n\n"
        "@hookimpl\ndef harness_register_architectures():\n"
        f"    import sys\n\n    sys.path.insert(0, {str(folder)!r})\n"
        "    yield Architecture(name='broken', build='broken_net:Net', takes=('image',))\n"
    )
    matrix = SUITE["matrix"] | {"architectures": ["mlp", "lenet", "broken"]}
    return harness.run(SUITE | {"matrix": matrix}, store=small_store, plugins=[str(plugin)])
