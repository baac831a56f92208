"""Files that the wheel of scikit-image has in it, read without importing it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from harness.api import NotApplicable


def find_file(name: str) -> Path:
    """Return where a file of its folder of data is.

    Raises:
        NotApplicable: scikit-image is not installed, or has no such file.
    """
    found = find_spec("skimage")
    if found is None:
        raise NotApplicable("scikit-image is not installed: pip install 'model-harness[data]'")
    for folder in found.submodule_search_locations or ():
        path = Path(folder, "data", name)
        if path.is_file():
            return path
    raise NotApplicable(f"this version of scikit-image has no file data/{name}; 0.26 has")
