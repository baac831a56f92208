"""One small real run, shared by the tests of its summary."""

from pathlib import Path
from typing import Any

import pytest
from here_engine import run_here
from made_once import made_once

import harness
from harness.catalogue.host import Host, PluginChoice

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
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the plugin of the small run, and its store."""
    return made_once(tmp_path_factory, "small", _run)


@pytest.fixture(scope="session")
def small_store(small_folder: Path) -> Path:
    return small_folder / "store"


@pytest.fixture(scope="session")
def small_run(small_folder: Path) -> harness.Run:
    host = Host(PluginChoice(files=(str(small_folder / "broken_plugin.py"),)))
    return harness.Run(small_folder / "store", host=host)


def _run(folder: Path) -> None:
    (folder / "broken_net.py").write_text(NET)
    plugin = folder / "broken_plugin.py"
    plugin.write_text(
        "from harness.api import Architecture, hookimpl\n\n\n"
        "@hookimpl\ndef harness_register_architectures():\n"
        f"    import sys\n\n    sys.path.insert(0, {str(folder)!r})\n"
        "    yield Architecture(name='broken', build='broken_net:Net', takes=('image',))\n"
    )
    matrix = SUITE["matrix"] | {"architectures": ["mlp", "lenet", "broken"]}
    run_here(SUITE | {"matrix": matrix}, store=folder / "store", plugins=[str(plugin)])
