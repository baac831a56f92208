"""What stands in the place of a corrupted copy that was not written.

Where the shift does not apply to the data, why: those that measure leave it out, and measure the rest. Where there is no
room on the disk, what the copy is made by (`harness.data.streamed`).
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.data.json_file import write_json
from harness.errors import NotApplicable

_FILE = "refused.json"
STREAMED = "streamed.json"


def write_refusal(folder: Path, reason: NotApplicable) -> None:
    """Write, in place of a copy, why there is none."""
    for path in folder.glob("*.npy"):
        path.unlink()
    write_json(folder / _FILE, {"reason": str(reason)})


def is_streamed(folder: Path) -> bool:
    """Whether a copy is made where it is read, as there was no room for it."""
    return (folder / STREAMED).exists()


def check_refusal(folder: Path) -> None:
    """Say so where there is no copy.

    Raises:
        NotApplicable: The shift does not apply to the data.
    """
    if (folder / _FILE).exists():
        said = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        raise NotApplicable(said["reason"])
