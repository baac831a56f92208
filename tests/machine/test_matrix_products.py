"""Which library multiplies: the machine is asked what it is, and torch's own function is back afterwards."""

import pytest
import torch
from harness_process import WorkplaceHere, figures
from torch.nn import functional

from harness.machine import matrix_products
from harness.machine.environment import describe_environment
from harness.machine.matrix_products import onednn_is_faster, onednn_products

PLAIN = functional.linear


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes the machine another one."""

    def become(*, vendor="AuthenticAMD", capability="AVX512", architecture="x86_64"):
        monkeypatch.setattr("harness.machine.devices.cpu_vendor", lambda: vendor)
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
        monkeypatch.setattr(matrix_products.platform, "machine", lambda: architecture)
        onednn_is_faster.cache_clear()

    yield become
    onednn_is_faster.cache_clear()


@pytest.mark.parametrize(
    "what",
    [
        {"vendor": "GenuineIntel"},
        {"vendor": ""},
        {"capability": "AVX2"},
        {"architecture": "aarch64"},
    ],
)
def test_another_machine_is_left_alone(machine, what):
    machine(**what)
    assert not onednn_is_faster()
    with onednn_products("fit"):
        assert functional.linear is PLAIN
    assert "matrix_products" not in describe_environment("cpu")


@pytest.mark.skipif(
    not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()),
    reason="torch was built without MKL or oneDNN",
)
def test_torchs_own_function_is_back_afterwards_and_the_record_says_who_multiplied(machine):
    machine()
    assert onednn_is_faster()
    assert "oneDNN" in describe_environment("cpu")["matrix_products"]
    with onednn_products("answers"):
        outer = functional.linear
        with pytest.raises(ZeroDivisionError), onednn_products("search"):
            assert functional.linear not in (PLAIN, outer)
            raise ZeroDivisionError
        assert functional.linear is outer
    assert functional.linear is PLAIN


MEASURES = """
import torch
from harness.api import Measure, Metric, hookimpl

def plainly():
    yield Metric(name="plainly", value=float(torch.nn.functional.linear is torch._C._nn.linear))

@hookimpl
def harness_register_measures():
    for name, exclusive in (("timed", True), ("answered", False)):
        yield Measure(name=name, takes=("image",), run=plainly, scope="architecture", exclusive=exclusive)
"""
SUITE = """
[suite]
name = "products"
[matrix]
floors = false
architectures = ["mlp"]
datasets = ["digits"]
[[measure]]
name = "timed"
[[measure]]
name = "answered"
"""


@pytest.mark.slow
def test_what_is_timed_is_torchs_own(tmp_path):
    place = WorkplaceHere(tmp_path)
    place.plugins += [place.write("products.py", MEASURES)]
    code, _, errors = place.run(place.write("products.toml", SUITE), "store")
    assert code == 0, errors
    found = {row[0]: row[2] for row in figures(place.folder / "store") if row[1] == "plainly"}
    assert found == {"timed mlp digits": 1.0, "answered mlp digits": float(not onednn_is_faster())}
