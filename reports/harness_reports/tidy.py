"""The tidy metrics table in values that a file can hold."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 1


def flat(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with mappings and sequences (`where`) as JSON text, keys sorted."""
    frame = metrics.copy()
    for name in frame.columns:
        if frame[name].dtype == object:
            frame[name] = frame[name].map(_text)
    return frame


def to_json(value: Any) -> Any:
    """Return plain JSON values: dataclasses as mappings, numpy's scalars as Python's, NaN as None."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name: to_json(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(part) for part in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return to_json(value.tolist())
    text = str(value)
    return None if text in ("NaT", "<NA>") else text  # what pandas knows as missing


def _text(value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(to_json(value), sort_keys=True, ensure_ascii=False)
    return value
