"""From texts to tokens: the things of a vocabulary are learnt from the training texts alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import DataNote, Encoded, TextCode
from harness.api.reporting import counted
from harness_datasets.options import TokenOptions

Array = np.ndarray[Any, Any]

FITTING = 0.95  # share of the training texts that are not cut, where no length is given
LONGEST = 512  # tokens, where no length is given


@dataclass(frozen=True)
class TextEncoder:
    """What `LoadedData.encode` calls: from the mask of the training texts to tokens, and what to say of them."""

    texts: Sequence[str]
    options: TokenOptions

    def __call__(self, train: Array) -> Encoded:
        """Return tokens ``(texts, length)``; what is longer is cut, what is shorter filled up."""
        mine = [text for text, chosen in zip(self.texts, train.tolist(), strict=True) if chosen]
        code = TextCode.learn(self.options.by or "words", mine, self.options.vocabulary)
        numbers = [code.numbers(text) for text in self.texts]
        lengths = np.array(list(map(len, numbers)))
        length = self.options.length or fitting_length(lengths[train])
        inputs = np.zeros((len(numbers), length), dtype=np.uint8 if code.size <= 256 else np.int32)
        for row, found in enumerate(numbers):
            inputs[row, : len(found)] = found[:length]
        return Encoded(
            inputs=inputs,
            text=code,
            high=float(code.size - 1),
            content=digests(self.texts),
            notes=(_note(code, lengths, length, inputs[~train] == code.unknown, train),),
        )


def fitting_length(lengths: Array) -> int:
    """Return a length that most training texts fit into."""
    return int(min(max(2, np.ceil(np.quantile(lengths, FITTING))), LONGEST))


def _note(code: TextCode, lengths: Array, length: int, unknown: Array, train: Array) -> DataNote:
    cut, empty = int((lengths > length).sum()), int((lengths == 0).sum())
    learnt = {"bytes": "of UTF-8; nothing is learnt", "bpe": "pairs of bytes that come often"}
    what = learnt.get(code.by, "those that training has twice or more")
    rows = [
        ("tokens", f"{counted(code.size, 'thing')}: {code.by}, {what}"),
        ("length", f"{counted(length, 'token')}; the median text has {np.median(lengths):.0f}"),
        ("cut at the end", f"{counted(cut, 'text')} ({cut / len(lengths):.1%})"),
        ("filled up with padding", f"{counted(int((lengths < length).sum()), 'text')}"),
    ]
    if code.unknown is not None and unknown.size:
        used = np.minimum(lengths[~train], length).sum()
        share = unknown.sum() / max(1, used)
        rows.append(("unknown", f"{share:.1%} of the tokens that are not for training"))
    if empty:
        rows.append(("empty", counted(empty, "text")))
    return DataNote(title="What the texts were made of", header=("what", "how"), rows=tuple(rows))


def digests(texts: Iterable[str]) -> Array:
    """Return a digest of each text ``(texts, 16)`` uint8."""
    found = bytearray()
    for text in texts:
        found += hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.frombuffer(bytes(found), dtype=np.uint8).reshape(-1, 16)
