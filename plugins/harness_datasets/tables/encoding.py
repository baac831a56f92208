"""From columns to features: what is learnt (medians, words, ranges) is learnt from training rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from harness.api import DataError
from harness.api.reporting import counted
from harness_datasets.tables.columns import Taken, write_option
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import Array, RawTable

MANY_MISSING = 0.05  # share of the training rows, from which on a column says where
FAR = 20.0  # deviations from the mean of training, beyond which values are clipped
RARE = 2  # a word of fewer training rows shares a column with its like
MISSING = "(missing)"
OTHER = "(other)"
DAY = 86_400.0
_AT_ONCE = 256  # rows put side by side: of a hundred columns they fit into the cache of a core


@dataclass(frozen=True)
class Features:
    """Features of one column: values ``(rows, features)`` in float64, and their names.

    learnt: what was, in words. clipped: the rows whose value was brought nearer to training. joined: whether
        words share a column.
    """

    values: Array
    names: tuple[str, ...]
    learnt: str = ""
    clipped: tuple[int, ...] = ()
    joined: bool = False


class SideBySide:
    """The features of several columns as one array ``(rows, features)`` in float64, which is never there as a whole."""

    def __init__(self, parts: Sequence[Array]) -> None:
        """Take the features of each column ``(rows, n)``."""
        self._features = [feature for part in parts for feature in part.T]
        self.shape = (len(parts[0]), len(self._features))
        self.dtype = np.dtype(np.float64)

    def __getitem__(self, index: slice) -> Array:
        """Return some rows."""
        features = [feature[index] for feature in self._features]
        found = np.empty((len(features[0]), len(features)))
        for start in range(0, len(found), _AT_ONCE):
            few = slice(start, start + _AT_ONCE)
            found[few] = np.array([feature[few] for feature in features]).T
        return found


def encode_column(table: RawTable, column: Taken, train: Array, options: TableOptions) -> Features:
    """Return the features of a column that is taken; train: the mask ``(rows,)`` of the training rows.

    Raises:
        DataError: A cell is missing, and the options refuse that; a number of a training row is beyond float32.
    """
    if options.missing == "refuse" and column.missing:
        raise DataError(_refusal(table, column))
    if column.kind == "category":
        return _encode_words(column, train, options)
    assert column.values is not None
    if column.kind == "date":
        return _encode_dates(column, train, options)
    _refuse_beyond_float32(table, column.name, column.values, train)
    return _encode_numbers(column.name, column.values, train, options)


def _encode_numbers(name: str, values: Array, train: Array, options: TableOptions) -> Features:
    """Return numbers with missing ones filled, clipped far outside training, and where many were missing."""
    absent = np.isnan(values)
    some = bool(absent.any())
    # In a fifth of the time that an index by a mask takes.
    known = values.compress(train & ~absent if some else train)
    if not len(known):
        return Features(np.zeros((len(values), 0)), (), "no training row has a value; left out")
    learnt = []
    columns, names = [values], [name]
    if some:
        filling = float(known.mean() if options.missing == "mean" else np.median(known))
        columns = [np.where(absent, filling, values)]
        word = "mean" if options.missing == "mean" else "median"
        learnt.append(f"missing ones become the {word} {filling:.4g}")
    share = absent[train].mean() if some else 0.0
    if share >= MANY_MISSING or (options.missing == "category" and share > 0):
        columns.append(absent.astype(np.float64))
        names.append(f"{name} is missing")
        learnt.append("and a column says where")
    clipped: Array = np.zeros(0, dtype=np.int64)
    low, high = reach(known)
    if columns[0].min() < low or columns[0].max() > high:
        clipped = np.flatnonzero((columns[0] < low) | (columns[0] > high))
        columns[0] = columns[0].clip(low, high)
        learnt.append(f"{len(clipped)} clipped to {low:.4g} to {high:.4g}")
    features = columns[0][:, None] if len(columns) == 1 else np.stack(columns, axis=1)
    return Features(features, tuple(names), ", ".join(learnt), tuple(clipped.tolist()))


def _refuse_beyond_float32(table: RawTable, name: str, values: Array, train: Array) -> None:
    most = float(np.finfo(np.float32).max)
    if max(-np.fmin.reduce(values), np.fmax.reduce(values)) <= most:
        return
    beyond = np.flatnonzero(train & (np.abs(values) > most))
    if len(beyond):
        row = int(beyond[0])
        raise DataError(
            f"{table.place(row)}: {name!r} is {values[row]:.4g}, beyond the range of float32 ({most:.2g}), in which "
            f"inputs are kept; write it on a smaller or a logarithmic scale, or leave it out with "
            f"{write_option('drop', name)}"
        )


def reach(known: Array) -> tuple[float, float]:
    """Return the ends of what training has, or of 20 deviations around its mean, whichever is wider."""
    middle, deviation = float(known.mean()), float(known.std())
    return (
        min(float(known.min()), middle - FAR * deviation),
        max(float(known.max()), middle + FAR * deviation),
    )


def _encode_dates(column: Taken, train: Array, options: TableOptions) -> Features:
    """Return year, month, day of the week and hour where they vary in training, and days since its first."""
    assert column.values is not None
    seconds = column.values
    known = seconds[train & ~np.isnan(seconds)]
    if not len(known):
        return Features(np.zeros((len(seconds), 0)), (), "no training row has a date; left out")
    calendar = {
        float(value): _parts(float(value)) for value in np.unique(seconds[~np.isnan(seconds)])
    }
    nothing = (np.nan,) * len(PARTS)
    parts = np.array([calendar.get(float(value), nothing) for value in seconds])
    found: list[Features] = []
    for place, part in enumerate(PARTS):
        trained = parts[train, place]
        if len(np.unique(trained[~np.isnan(trained)])) > 1:
            one = _encode_numbers(f"{column.name}: {part}", parts[:, place], train, options)
            found.append(Features(one.values[:, :1], one.names[:1]))
    days = (seconds - known.min()) / DAY
    since = _encode_numbers(f"{column.name}: days since the first", days, train, options)
    found.append(since)
    names = tuple(name for one in found for name in one.names)
    first = datetime.fromtimestamp(float(known.min()), UTC).date().isoformat()
    learnt = f"{', '.join(name.partition(': ')[2] or name for name in names)} ({first})"
    values = np.concatenate([one.values for one in found], axis=1)
    return Features(values, names, learnt, since.clipped)


PARTS = ("year", "month", "day of the week", "hour")


def _parts(seconds: float) -> tuple[float, float, float, float]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return float(moment.year), float(moment.month), float(moment.weekday()), float(moment.hour)


def _encode_words(column: Taken, train: Array, options: TableOptions) -> Features:
    """Return a column of 0 and 1 for each word that training has often enough, in alphabetical order.

    The others share one; a word that no training row has is there too, or nowhere where training has none.
    """
    cells = np.array([text or MISSING for text in column.words], dtype=object)
    counts = Counter(cells[train].tolist())
    often = [text for text, n in counts.items() if n >= RARE or len(counts) <= 2]
    often.sort(key=lambda text: (-counts[text], text))
    kept = sorted(often[: options.max_categories])
    places = {text: place for place, text in enumerate(kept)}
    rest = sum(n for text, n in counts.items() if text not in places)
    hot = np.zeros((len(cells), len(kept) + bool(rest)))
    index = np.array([places.get(text, -1) for text in cells])
    rows = np.flatnonzero(index >= 0)
    hot[rows, index[rows]] = 1.0
    if rest:
        hot[index < 0, -1] = 1.0
    names = tuple(f"{column.name} = {text}" for text in (*kept, *[OTHER] * bool(rest)))
    return Features(hot, names, _say_words(cells, train, kept, counts, rest), joined=rest > 0)


def _say_words(
    cells: Array, train: Array, kept: Sequence[str], counts: Counter[str], rest: int
) -> str:
    said = (
        f"a column for each of {counted(len(kept), 'word')}"
        if len(kept) > 1
        else "a column for one word"
    )
    if rest:
        said += f", one for {counted(len(counts) - len(kept), 'rarer one')} ({rest / sum(counts.values()):.0%} of training)"
    unseen = sum(text not in counts for text in cells[~train].tolist())
    if unseen:
        said += f"; {counted(unseen, 'row has', 'rows have')} a word that training has not"
    return said


def _refusal(table: RawTable, column: Taken) -> str:
    if column.kind == "category":
        absent = [row for row, text in enumerate(column.words) if not text]
    else:
        assert column.values is not None
        absent = np.flatnonzero(np.isnan(column.values)).tolist()
    more = len(absent) - 1
    others = f", and so {'is' if more == 1 else 'are'} {more:,} more of its cells" if more else ""
    return (
        f"{table.place(absent[0])}, column {column.name!r} is missing{others}; missing = median, mean or category "
        f"fills {'them' if more else 'it'}"
    )
