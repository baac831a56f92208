"""Import torchvision, and timm on top of it, also where its compiled part does not load.

A CPU build of torch beside the torchvision of PyPI (built for CUDA) fails on import: torchvision
declares a fake kernel for operators that its shared library did not define. No model needs them, so
they are defined without an implementation and the import is made again. Where the plain import
succeeds nothing of this runs. Reading images with torchvision still fails then; use Pillow.

Call `import_torchvision` before anything else imports torchvision or timm.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.library import Library

OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_defined: list[Library] = []  # a Library takes its definitions along when it is collected


def import_torchvision() -> Any:
    """Return the module torchvision."""
    return _import("torchvision")


def import_timm() -> Any:
    """Return the module timm, with torchvision imported before it."""
    import_torchvision()
    return _import("timm")


def _import(name: str) -> Any:
    """Import a module; its complaints about torch's deprecations are not the reader's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except RuntimeError as error:
            if "torchvision::" not in str(error) or _defined:
                raise
        _define_operators()
        return importlib.import_module(name)


def _define_operators() -> None:
    """Forget the half-imported torchvision and define the operators that it misses."""
    import torch

    for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[module]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in OPERATORS:
        library.define(operator + SCHEMA)  # type: ignore[no-untyped-call]
    _defined.append(library)
