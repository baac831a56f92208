"""Python's search for reference cycles, put off while much is made that is kept."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Search for no cycles meanwhile; afterwards it is as it was found.

    Python searches whenever many objects were made, and in the end all that there are. Imports and plans make
    hardly any garbage, and it took two fifths of the time of a large plan.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
