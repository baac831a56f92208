"""What a definition reaches: an edit of what it can reach is seen, and no other one.

Each case is a package ``rp`` whose ``rp.net:Net`` is the root, an edit of one file, and whether what
``Net`` does may be another thing after it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.catalogue.reach import Reached, look_anew, reach

Files = dict[str, str]
Read = Callable[..., Reached]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Write files and return what a definition reaches in them."""
    monkeypatch.syspath_prepend(tmp_path)

    def read(files: Files, root: tuple[str, str] = ("rp.net", "Net")) -> Reached:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        look_anew()
        return reach(frozenset({root}))

    return read


PACKAGE = {
    "rp/__init__.py": "SCALE = 1\nOTHER = 1\n",
    "rp/net.py": """
from __future__ import annotations
import torch
from torch import nn
from . import SCALE, layers
from .layers import Layer as L, unused

class Net(nn.Module):
    def __init__(self):
        from rp import late
        self.layer, self.scale, self.late = L(), SCALE, late.value()
        self.extra = layers.extra()

class Sibling(nn.Module):
    pass
""",
    "rp/layers.py": """
from .deep.er import SIZE
class Base:
    size = SIZE
class Layer(Base):
    def run(self): return _helper()
def _helper(): return 1
def extra(): return 2
def unused(): return 3
""",
    "rp/deep/er.py": "SIZE = 1\nTHICKNESS = 1\n",
    "rp/late.py": "def value(): return 1\ndef other(): return 1\n",
    "rp/apart.py": "def f(): return 1\n",
    "rp_beside.py": "def f(): return 1\n",
}


@pytest.mark.parametrize(
    ("file", "old", "new", "is_reached"),
    [
        ("rp/net.py", "SCALE, late", "2 * SCALE, late", True),
        ("rp/net.py", "    pass", "    width = 2", False),
        ("rp/net.py", "import torch\n", "import torch  # of course\n", False),
        ("rp/__init__.py", "SCALE = 1", "SCALE = 2", True),
        ("rp/__init__.py", "OTHER = 1", "OTHER = 2", False),
        ("rp/__init__.py", "OTHER = 1", "def another(): ...", False),
        ("rp/__init__.py", "OTHER = 1", "import torch\ntorch.set_num_threads(1)", True),
        ("rp/__init__.py", "OTHER = 1", "from . import apart\napart.x = 1", True),
        ("rp/__init__.py", "OTHER = 1", "from . import apart", False),
        ("rp/layers.py", "size = SIZE", "size = SIZE + 1", True),
        ("rp/layers.py", "def _helper(): return 1", "def _helper(): return 2", True),
        ("rp/layers.py", "def extra(): return 2", "def extra(): return 3", True),
        ("rp/layers.py", "def unused(): return 3", "def unused(): return 4", False),
        ("rp/layers.py", "def unused(): return 3", "Base.size = 4", True),
        ("rp/deep/er.py", "SIZE = 1", "SIZE = 2", True),
        ("rp/deep/er.py", "THICKNESS = 1", "THICKNESS = 2", False),
        ("rp/late.py", "def value(): return 1", "def value(): return 2", True),
        ("rp/late.py", "def other(): return 1", "def other(): return 2", False),
        ("rp/apart.py", "return 1", "return 2", False),
        ("rp_beside.py", "return 1", "return 2", False),
    ],
)
def test_an_edit(read: Read, file: str, old: str, new: str, is_reached: bool) -> None:
    before = read(PACKAGE)
    assert old in PACKAGE[file]
    after = read(PACKAGE | {file: PACKAGE[file].replace(old, new)})
    assert (after.digest != before.digest) == is_reached
    assert not before.dynamic and before.libraries == {"torch"}


def edited(read: Read, files: Files, file: str, text: str) -> bool:
    """Whether what ``Net`` reaches is another thing after a file's text is another one."""
    return bool(read(files).digest != read(files | {file: text}).digest)


REACHING = {
    "star import": """
from .apart import *
class Net:
    f = f
""",
    "a module as a value": """
from . import apart
class Net:
    module = apart
""",
    "getattr of a module": """
from . import apart
class Net:
    f = getattr(apart, 'f' + '')
""",
    "vars of a module": """
from . import apart
class Net:
    def f(self): return vars(apart)
""",
    "an attribute of a package": """
import rp.apart
class Net:
    def f(self): return rp.apart.f()
""",
    "a module by another name": """
import rp.apart as x
class Net:
    def f(self): return x.f()
""",
    "a package as a value": """
import rp.apart
class Net:
    def f(self): return rp
""",
    "an import in a function": """
class Net:
    def f(self):
        import rp.apart
        return rp.apart.f()
""",
    "a name imported in a function": """
class Net:
    def f(self):
        from .apart import f as g
        return g()
""",
    "a reference as text": """
class Net:
    f = 'rp.apart:f'
""",
    "through a variable": """
from . import apart
g = apart.f
class Net:
    def f(self): return g()
""",
    "eval": """
from . import apart
class Net:
    def f(self): return eval('apart.f()')
""",
    "globals": """
from . import apart
class Net:
    def f(self): return globals()['apart']
""",
    "subclasses": """
from . import apart
class A: x = apart.f
class Net:
    def f(self): return object.__subclasses__()
""",
    "a default": """
from . import apart
CALLS = [apart.f]
class Net:
    def f(self, x=CALLS): ...
""",
    "through a function": """
from . import apart
class Net:
    def f(self): g()

def g(): return apart.f()
""",
    "imports that may fail": """
try:
    from .apart import f
except ImportError:
    f = None
class Net:
    def g(self): return f()
""",
    "a decorator that registers": """
from .apart import f
KNOWN = {}
def register(x):
    KNOWN[x.__name__] = x
    return x
@register
def other(): return f()
class Net: ...
""",
    "a metaclass": """
from .apart import f
class Meta(type):
    def __init__(cls, *a): ...
class Other(metaclass=Meta):
    g = f
class Net: ...
""",
    "a base that registers": """
from .apart import f
class Base:
    def __init_subclass__(cls): ...
class Other(Base):
    g = f
class Net(Base): ...
""",
    "a forward reference": """
from .apart import f
from typing import Any
class Options:
    x: 'f'
class Net:
    o = Options
""",
    "an attribute that is set": """
from .apart import f
lambda: f()
f.x = 1
class Net: ...
""",
    "two definitions of a name": """
from .apart import f
class Net: ...
class Net:
    g = f
""",
    "a loop": """
from .apart import f
x = 1
for x in [f]: pass
class Net: ...
""",
}


@pytest.mark.parametrize("line", REACHING.values(), ids=list(REACHING))
def test_what_is_reached_by_other_ways(read: Read, line: str) -> None:
    files = {"rp/__init__.py": "", "rp/net.py": line + "\n", "rp/apart.py": "def f(): return 1\n"}
    assert edited(read, files, "rp/apart.py", "def f(): return 2\n")
    assert not edited(read, files, "rp/apart.py", "def f():\n    # a comment\n    return 1\n")


APART = {
    "a function": """
from .apart import f
def other(): return f()
""",
    "a cached function": """
from .apart import f
import functools
@functools.lru_cache
def other(): return f()
""",
    "a module of torch": """
from .apart import f
from torch import nn
class Other(nn.Module):
    g = f
""",
    "a dataclass": """
from .apart import f
from dataclasses import dataclass, field
@dataclass(frozen=True)
class Other:
    g: list = field(default_factory=list)
    h = f
""",
    "a pydantic model": """
from .apart import f
from pydantic import BaseModel, Field
class Other(BaseModel):
    x: int = Field(1)
    def g(self): return f()
""",
    "a variable": """
from .apart import f
OTHER = {'a': f, 'b': [f]}
""",
    "a lambda": """
from .apart import f
later = lambda: f()
""",
    "a script": """
from .apart import f
if __name__ == '__main__':
    f()
""",
    "types alone": """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from .apart import f
""",
    "a hook": """
from .apart import f
from harness.api import Architecture, hookimpl
@hookimpl
def harness_register_architectures():
    yield Architecture(name='f', build=f, takes=())
""",
    "a hook that calls a helper": """
from .apart import f
from harness.api import Architecture, hookimpl
def one(name):
    return Architecture(name=name, build=f, takes=())
@hookimpl
def harness_register_architectures():
    found = []
    for name in ('a', 'b'):
        found.append(one(name))
    return found
""",
    "a value of a function that binds names alone": """
from .apart import f
VALUE = f()
""",
}


@pytest.mark.parametrize("line", APART.values(), ids=list(APART))
def test_definitions_that_nothing_reaches_are_left_out(read: Read, line: str) -> None:
    net = line + "\nclass Net:\n    width = 1\n"
    files = {"rp/__init__.py": "", "rp/net.py": net, "rp/apart.py": "def f(): return 1\n"}
    assert not edited(read, files, "rp/apart.py", "def f(): return 2\n")
    assert not edited(read, files, "rp/net.py", net.replace(line, ""))
    assert edited(read, files, "rp/net.py", net.replace("width = 1", "width = 2"))


def test_a_hook_that_does_more_than_to_yield_counts(read: Read) -> None:
    line = (
        "from harness.api import hookimpl\nWIDTHS = {}\n@hookimpl\n"
        "def harness_register_architectures():\n    WIDTHS['a'] = 1\n    return []\nclass Net: ...\n"
    )
    files = {"rp/__init__.py": "", "rp/net.py": line}
    assert edited(read, files, "rp/net.py", line.replace("= 1", "= 2"))


def test_loading_modules_by_computed_names_is_noticed(read: Read) -> None:
    for line in (
        "import importlib\nclass Net:\n    def f(self): importlib.import_module('rp.' + 'apart')",
        "from importlib import import_module\nclass Net:\n    f = import_module",
        "import sys\nclass Net:\n    def f(self): return sys.modules['rp.apart']",
        "class Net:\n    def f(self): return __import__('rp.apart')",
        "import pkgutil\nclass Net:\n    f = pkgutil.iter_modules",
    ):
        assert read({"rp/__init__.py": "", "rp/net.py": line}).dynamic, line
    harmless = "import torch\nclass Net:\n    def f(self, model): return model.eval(), model.vars"
    assert not read({"rp/__init__.py": "", "rp/net.py": harmless}).dynamic


def test_a_circle_ends(read: Read) -> None:
    files = {
        "rp/__init__.py": "from .net import Net\n",
        "rp/net.py": "from . import other\nclass Net:\n    x = other.Other\n",
        "rp/other.py": "from rp import Net\nclass Other:\n    net = Net\n    x = 1\n",
    }
    assert edited(read, files, "rp/other.py", files["rp/other.py"].replace("x = 1", "x = 2"))


def test_what_is_not_there_and_what_cannot_be_read(read: Read) -> None:
    files = {"rp/__init__.py": "", "rp/net.py": "from .none import a\nclass Net:\n    x = a\n"}
    assert read(files).modules == {"rp", "rp.net"}
    broken = files | {"rp/none.py": "def f(:\n"}
    assert edited(read, broken, "rp/none.py", "def f(:)\n")
    assert read(files, ("rp.no_such", "Net")).digest == read(files, ("no_such", "")).digest


def test_names_of_the_harness_mean_the_modules_that_define_them(read: Read) -> None:
    net = "from harness.api import Budget, Task\nfrom harness.api.declaring import parse_fraction\nclass Net:\n    b = Budget\n"
    assert read({"rp/__init__.py": "", "rp/net.py": net}).core == {"harness.data.budget"}
    net += "    def f(self): return parse_fraction('8/255')\n"
    assert read({"rp/net.py": net}).core == {"harness.data.budget", "harness.plan.quantities"}


def test_an_installed_package_is_known_by_its_installation(read: Read) -> None:
    found = read({}, ("sklearn.svm", "SVC"))
    assert found.installed == {"sklearn"} and not found.modules
