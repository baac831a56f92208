"""Why there is no corrupted copy: the shift does not apply to the data, said in the copy's place.

Those that measure leave it out, and measure the rest.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.data.json_file import write_json
from harness.errors import NotApplicable

_FILE = "refused.json"


def write_refusal(folder: Path, reason: NotApplicable) -> None:
    """Write, in place of a copy, why there is none."""
    for path in folder.glob("*.npy"):
        path.unlink()
    write_json(folder / _FILE, {"reason": str(reason)})


def check_refusal(folder: Path) -> None:
    """Say so where there is no copy.

    Raises:
        NotApplicable: The shift does not apply to the data.
    """
    if (folder / _FILE).exists():
        said = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        raise NotApplicable(said["reason"])
