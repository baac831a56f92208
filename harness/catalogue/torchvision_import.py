"""Import torchvision, and what is built on it, also where its compiled part does not load.

A CPU build of torch beside the torchvision of PyPI (built for CUDA) fails on import: torchvision
declares a fake kernel for operators that its shared library did not define. No model needs them, so
they are defined without an implementation and the import is made again. Where the plain import
succeeds nothing of this runs. Reading images with torchvision still fails then; use Pillow.

`mend_torchvision` puts this in place for whoever imports torchvision later: a class of the user's, a
plugin, or a library in the depth of either, which may hide the error behind one of its own.
"""

from __future__ import annotations

import importlib
import importlib.abc
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.library import Library

OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_defined: list[Library] = []  # a Library takes its definitions along when it is collected


def mend_torchvision() -> None:
    """Have torchvision imported as this module says, whoever does it; nothing is imported now."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def import_torchvision() -> Any:
    """Return the module torchvision."""
    return _import("torchvision")


def import_timm() -> Any:
    """Return the module timm."""
    return _import("timm")


def _import(name: str) -> Any:
    """Import a module without its complaints about torch's deprecations."""
    mend_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds torchvision where Python does, and executes it a second time where the first one fails."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "torchvision":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            _execute_twice(spec.loader)
        return spec


def _execute_twice(loader: Any) -> None:
    execute = loader.exec_module

    def execute_mended(module: ModuleType) -> None:
        with warnings.catch_warnings():  # of torch's deprecations, which are no user's business
            warnings.simplefilter("ignore")
            try:
                execute(module)
            except RuntimeError as error:
                if "torchvision::" not in str(error) or _defined:
                    raise
                _define_operators()
                execute(module)

    loader.exec_module = execute_mended  # of this loader alone: each spec has its own


def _define_operators() -> None:
    """Forget the half-imported parts of torchvision and define the operators that it misses."""
    import torch

    for module in [name for name in sys.modules if name.startswith("torchvision.")]:
        del sys.modules[module]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in OPERATORS:
        library.define(operator + SCHEMA)  # type: ignore[no-untyped-call]
    _defined.append(library)
