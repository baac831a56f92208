"""`written_dates`: English dates, to be written as ISO 8601 does; from a sequence of characters to another."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from harness.api import DataNote, LoadedData
from harness_datasets.built_in_options import DATE_STYLES, WrittenDatesOptions

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FILL, START = "\0", "\1"  # behind a source, and before a target
ALPHABET = "".join(
    sorted(set(FILL + START + " ,-0123456789" + "".join((*MONTHS, *DAYS)) + "ndofrdsth"))
)
_UNTOLD = -100  # a step of which nothing is asked


def load(options: WrittenDatesOptions) -> LoadedData:
    """Draw dates and styles (numpy's PCG64, seed 0), every day of the years in every style as likely, and none twice.

    Inputs ``(examples, source + 10)`` are the date in words, filled up to the longest, a start, and the target but for its
    last character; targets at each of the last ten steps are the next character of the target, such as "1998-03-07".
    """
    draws = np.random.default_rng(0)
    first, last = date(options.first, 1, 1), date(options.last, 12, 31)
    every = ((last - first).days + 1) * len(DATE_STYLES)
    drawn = draws.choice(every, options.examples, replace=False)
    days, styles = np.divmod(drawn, len(DATE_STYLES))
    dates = [first + timedelta(int(day)) for day in days]
    sources = [in_words(one, DATE_STYLES[style]) for one, style in zip(dates, styles, strict=True)]
    longest = max(map(len, sources))
    wanted = [one.isoformat() for one in dates]
    inputs = _tokens(
        [s.ljust(longest, FILL) + START + w[:-1] for s, w in zip(sources, wanted, strict=True)]
    )
    targets = np.full(inputs.shape, _UNTOLD, dtype=np.int64)
    targets[:, longest:] = _tokens(wanted)
    return LoadedData(
        modality="tokens",
        problem="sequence_to_sequence",
        inputs=inputs,
        targets=targets,
        low=0.0,
        high=len(ALPHABET) - 1.0,
        names=[f"{source} -> {target}" for source, target in zip(sources, wanted, strict=True)],
        details={"source_steps": longest},
        notes=(_note(sources[0], wanted[0], longest),),
    )


def in_words(one: date, style: str) -> str:
    """Return a date in a style of `DATE_STYLES`."""
    teens = 11 <= one.day <= 13
    return style.format(
        day=one.day,
        month=MONTHS[one.month - 1],
        year=f"{one.year:04}",
        weekday=DAYS[one.weekday()],
        th="th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(one.day % 10, "th"),
    )


def _tokens(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return the places in `ALPHABET` of the characters of texts of one length ``(texts, characters)``."""
    codes = np.array([list(text.encode("ascii")) for text in texts])
    return np.searchsorted(np.array(list(ALPHABET.encode("ascii"))), codes).astype(np.uint8)


def _note(source: str, target: str, longest: int) -> DataNote:
    rows = (
        ("sources", f"such as {source!r}, filled up to {longest} characters"),
        ("targets", f"10 characters, of this {target!r}"),
        ("tokens", f"{len(ALPHABET)}: characters, a start and what fills up"),
    )
    return DataNote(title="What the dates are", header=("what", "how"), rows=rows)
