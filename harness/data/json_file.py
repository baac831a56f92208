"""JSON files that a person can read, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_json(path: Path, values: Any) -> None:
    """Write JSON for a person to read too."""
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
