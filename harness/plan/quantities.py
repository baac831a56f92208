"""Quantities as a person writes them: "90s", "2GiB", "8/255"."""

from __future__ import annotations

import math
import re
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)?")
_NUMBER = r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?"
FRACTION = rf"(?:{_NUMBER})(?:\s*/\s*(?:{_NUMBER}))?"  # what `parse_fraction` reads, for grammars around it
_FRACTION = re.compile(rf"\s*({_NUMBER})\s*(?:/\s*({_NUMBER})\s*)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B)?", re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(value: Any) -> float:
    """Return seconds from a number or a text such as "90s", "30m" or "2h"."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError('a duration is a number of seconds or a text such as "90s", "30m", "2h"')
    return float(match[1]) * _SECONDS[match[2] or "s"]


def parse_size(value: Any) -> int:
    """Return bytes from a number or a text such as "512MB" or "2GiB".

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError('a size is a number of bytes or a text such as "512MB" or "2GiB"')
    unit = (match[2] or "B").upper()
    power = "BKMGT".index(unit[0])
    return int(float(match[1]) * (1024 if "I" in unit else 1000) ** power)


def parse_fraction(value: Any) -> float:
    """Return the number that 0.1, "0.1" or "8/255" stands for.

    Raises:
        ValueError: It is none of these, negative, or not finite.
    """
    number = math.nan
    if isinstance(value, int | float):
        number = float(value)
    elif match := _FRACTION.fullmatch(str(value)):
        over = float(match[2] or 1)
        number = float(match[1]) / over if over > 0 else math.nan
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{value!r} is not a number of at least 0, nor a fraction such as '8/255'")
    return number
