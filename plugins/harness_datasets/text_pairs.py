"""`text_pairs`: a person's own texts that answer others, in two columns of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, Encoded, Finding, LoadedData, TextCode
from harness.api.declaring import hash_texts
from harness.api.reporting import counted, list_some
from harness_datasets.paths import find_file
from harness_datasets.tables.column_names import check_names
from harness_datasets.tables.files import read_table
from harness_datasets.tables.options import TextPairsOptions
from harness_datasets.tables.raw import RawTable
from harness_datasets.texts.encoding import LONGEST, digests
from harness_datasets.texts.files import refuse_other_encoding

Array = np.ndarray[Any, Any]
Numbers = list[list[int]]

_UNTOLD = -100  # a step of which nothing is asked


def load(options: TextPairsOptions) -> LoadedData:
    """Load pairs of texts, a row each.

    Inputs ``(pairs, source + target)`` are the tokens of a source, filled up with 0, a token that starts, and those of the target but for
    the last step's; targets are what comes next: the tokens of the target and, where it is not cut, the same token as its end; behind it
    nothing is asked. Sources and targets have one vocabulary, learnt from the training pairs. Pairs with the same source stay together in
    the cut.

    Raises:
        DataError: The file is no table or not in UTF-8, it is not said which columns are meant, or a text is missing.
    """
    (path,) = find_file(options)
    table = read_table(path, options)
    source, target = _columns(table, options)
    refuse_other_encoding(path, table.encoding if options.encoding == "auto" else "")
    sources, targets = (
        _texts(table, name, what) for name, what in ((source, "source"), (target, "target"))
    )
    return LoadedData(
        modality="tokens",
        problem="sequence_to_sequence",
        encode=_PairEncoder(sources, targets, options),
        keys=digests(f"{one}\0{other}" for one, other in zip(sources, targets, strict=True)),
        groups=hash_texts(sources),  # an array of texts takes as much for each as for the longest
        low=0.0,
        name_example=table.place,
        notes=(_note_columns(table, source, target),),
    )


def check(options: TextPairsOptions) -> None:
    """Check that the columns are there that options name.

    Raises:
        UsageError: One is not.
    """
    check_names(options, ("source", "target"))


def _columns(table: RawTable, options: TextPairsOptions) -> tuple[str, str]:
    """Return the columns of sources and of targets: those that are named, else the only two.

    Raises:
        DataError: There is no such column, or there are others than two.
    """
    names = [name for name in table.names if name not in options.drop]
    given = [
        table.require(name, option) if name else ""
        for option, name in (("source", options.source), ("target", options.target))
    ]
    rest = [name for name in names if name not in given]
    missing = given.count("")
    if len(rest) < missing or (missing and len(names) != 2):
        raise DataError(
            f"{table.path} has the columns {list_some(names, 20)}; say which one holds the texts that are read, and which one those that "
            "answer them: source=..., target=..."
        )
    source, target = (name or rest.pop(0) for name in given)
    return source, target


def _texts(table: RawTable, name: str, what: str) -> Sequence[str]:
    """Return the texts of a column.

    Raises:
        DataError: One is missing.
    """
    texts = list(table.column(name))
    empty = next((row for row, text in enumerate(texts) if not text), None)
    if empty is not None:
        raise DataError(
            f"{table.path}: {table.unit} {table.lines[empty]}: {name!r}, the {what}, is missing; {counted(texts.count(''), 'row')} of "
            f"{len(texts):,} {'lack' if texts.count('') > 1 else 'lacks'} it: fill in or remove {'them' if texts.count('') > 1 else 'it'}"
        )
    return texts


def _note_columns(table: RawTable, source: str, target: str) -> DataNote:
    others = [name for name in table.names if name not in (source, target)]
    rows = [(source, "source", "its texts are read"), (target, "target", "its texts answer them")]
    rows += [(name, "left out", "it is neither") for name in others]
    return DataNote(
        title=f"Columns of {table.path.name}",
        header=("column", "taken for", "why"),
        rows=tuple(rows),
    )


@dataclass(frozen=True)
class _PairEncoder:
    """What `LoadedData.encode` calls: from the mask of the training pairs to tokens."""

    sources: Sequence[str]
    targets: Sequence[str]
    options: TextPairsOptions

    def __call__(self, train: Array) -> Encoded:
        rows = np.flatnonzero(train).tolist()
        known = [texts[row] for texts in (self.sources, self.targets) for row in rows]
        code = TextCode.learn(self.options.by or "bytes", known, self.options.vocabulary)
        edge = code.size  # starts and ends a target
        sources, targets = (
            [code.numbers(text) for text in texts] for texts in (self.sources, self.targets)
        )
        ended = [[*numbers, edge] for numbers in targets]
        source_steps, target_steps = (self._steps(numbers, rows) for numbers in (sources, ended))
        kind = np.uint8 if edge < 256 else np.int32
        inputs = np.zeros((len(sources), source_steps + target_steps), dtype=kind)
        asked = np.full(inputs.shape, _UNTOLD, dtype=np.int64)
        inputs[:, source_steps] = edge
        for row, (read, written) in enumerate(zip(sources, ended, strict=True)):
            inputs[row, : min(len(read), source_steps)] = read[:source_steps]
            answer = written[:target_steps]
            asked[row, source_steps : source_steps + len(answer)] = answer
            before = answer[: target_steps - 1]
            inputs[row, source_steps + 1 : source_steps + 1 + len(before)] = before
        unknown = np.array([code.unknown in numbers for numbers in targets]) & ~train
        note = self._note(code, (sources, source_steps), (ended, target_steps))
        return Encoded(
            inputs=inputs,
            targets=asked,
            high=float(edge),
            details={"source_steps": source_steps},
            content=digests(self.sources),
            notes=(note,),
            findings=tuple(_find_unknown(code, unknown, int((~train).sum()))),
        )

    def _steps(self, numbers: Numbers, rows: Sequence[int]) -> int:
        """Return how many tokens of texts are taken: those of the longest one of training, or what `length` says."""
        longest = max(len(numbers[row]) for row in rows)
        return self.options.length or max(2, min(longest, LONGEST))

    def _note(
        self, code: TextCode, sources: tuple[Numbers, int], targets: tuple[Numbers, int]
    ) -> DataNote:
        learnt = {"bytes": "of UTF-8; nothing is learnt", "bpe": "pairs of bytes that come often"}
        what = learnt.get(code.by, "those that training has twice or more")
        rows = [
            (
                "tokens",
                f"{counted(code.size, 'thing')}: {code.by}, {what}; and one that starts and ends a target",
            )
        ]
        for name, (texts, steps) in (("source", sources), ("target", targets)):
            lengths = np.array(list(map(len, texts)))
            cut = int((lengths > steps).sum())
            words = f"{counted(steps, 'token')}; the median one has {np.median(lengths):.0f}, and {counted(cut, 'is', 'are')} cut"
            if name == "target" and cut:
                words += ": asked for up to there, without an end"
            rows.append((f"a {name}", words))
        return DataNote(
            title=f"What the {counted(len(self.sources), 'pair')} were made of",
            header=("what", "how"),
            rows=tuple(rows),
        )


def _find_unknown(code: TextCode, unknown: Array, others: int) -> Iterator[Finding]:
    """Yield a finding where targets hold what no model can write, as training has it not."""
    if not unknown.any():
        return
    count = int(unknown.sum())
    yield Finding(
        code="unknown-in-targets",
        sentence=f"{count:,} of {others:,} targets that are not for training hold {code.by} that training has not twice; where a model "
        "writes the mark for what is unknown, it counts as right.",
        advice="Leave by out, or give by=bpe: bytes and their pairs write every text.",
        numbers={"unknown": count},
        flag="targets hold unknown tokens",
    )
