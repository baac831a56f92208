"""torchvision is imported whoever does it, in processes that have not imported it before."""

import subprocess
import sys

import pytest

from harness.catalogue.host import Host
from harness.catalogue.torchvision_import import mend_torchvision

MINE = """
from torch import nn

try:  # as libraries look for what is optional
    from torchvision.ops import MLP
except ImportError:
    MLP = None


class Net(nn.Module):
    takes = ("table",)

    def __init__(self, in_channels, num_classes):
        from torchvision.models import list_models

        super().__init__()
        assert list_models()
        self.layer = MLP(in_channels, [num_classes])

    def forward(self, inputs):
        return self.layer(inputs)
"""


def finders() -> list[str]:
    return [type(finder).__name__ for finder in sys.meta_path if type(finder).__name__ == "_Finder"]


def test_it_is_in_place_once_where_plugins_are() -> None:
    Host()
    mend_torchvision()
    mend_torchvision()
    assert finders() == ["_Finder"]
    [finder] = [one for one in sys.meta_path if type(one).__name__ == "_Finder"]
    assert finder.find_spec("torch", None) is None
    assert finder.find_spec("torchvision.ops", None) is None


OURS = """
from harness.api import import_timm, import_torchvision
vision = import_torchvision()
assert vision is import_torchvision()
assert import_timm().create_model('test_resnet') is not None
"""
THEIRS = """
from harness.catalogue.references import resolve
assert resolve('mine:Net')(4, 2) is not None
"""
PLUGIN = """
from harness.catalogue.host import Host, PluginChoice
[found] = [one for one in Host(PluginChoice(('mine.py',), ())).plugins if one.name == 'mine']
assert found.reason.startswith('it has no hook'), found.reason  # so it was imported
"""


@pytest.mark.slow
@pytest.mark.parametrize("code", [OURS, THEIRS, PLUGIN], ids=["ours", "a class", "a plugin"])
def test_a_fresh_process(code, tmp_path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    command = [sys.executable, "-W", "error", "-c", code]
    subprocess.run(command, check=True, timeout=300, cwd=tmp_path)
