"""How texts are numbers of things of a vocabulary, so that a number can be read and a changed text be given anew."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

WORD = re.compile(r"\w+|[^\w\s]")  # a word, or a mark between words
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
PADDING = "\0"
RARE = 2  # times that a character or a word comes in training, below which it is unknown


@dataclass(frozen=True, kw_only=True)
class TextCode:
    """How texts were made numbers, by which numbers are made a text again.

    by: "bytes" (of UTF-8), "characters", "words" (and marks, each; blanks are lost) or "bpe" (byte pairs, Sennrich, Haddow &
        Birch 2016, arXiv:1508.07909, of bytes).
    things: the text of each number from 0; () of bytes, whose numbers are their values.
    padding: the number that fills up what is shorter than others; None: nothing is, as all examples are windows of a
        longer text.
    unknown: the number of what is not in `things`; None: all texts can be written.
    rules: of "bpe": its merges, as the library tokenizers writes them.
    """

    by: str
    things: tuple[str, ...] = ()
    padding: int | None = None
    unknown: int | None = None
    rules: str = ""

    @classmethod
    def learn(cls, by: str, texts: Sequence[str], most: int) -> TextCode:
        """Return how texts become numbers, learnt from training texts; what is shorter than others is filled up with 0.

        Bytes need nothing. Of characters and words the most frequent are taken that come twice or more, at most `most`
        with padding and what is unknown, which are 0 and 1; of byte pairs as many as make `most`, 257 at least.

        Raises:
            NotApplicable: By "bpe" without its library.
        """
        if by == "bytes":
            return cls(by=by, padding=0)
        if by == "bpe":
            return cls(by=by, padding=0, **_learn_pairs(texts, most))
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(WORD.findall(text) if by == "words" else text)
        often = [thing for thing, count in counts.items() if count >= RARE and thing != UNKNOWN]
        often.sort(key=lambda thing: (-counts[thing], thing))
        return cls(by=by, things=("", UNKNOWN, *often[: most - 2]), padding=0, unknown=1)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TextCode:
        """Read what was written as JSON values, by `dataclasses.asdict`."""
        return cls(**{**values, "things": tuple(values["things"])})

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.things) or 256

    def bytes_of_things(self) -> list[int]:
        """Return of how many bytes of UTF-8 the text of each number is.

        Raises:
            NotApplicable: Of characters or words, by which a text cannot be written in full.
        """
        if self.by == "bytes":
            return [1] * 256
        if self.by != "bpe":
            raise NotApplicable(f"by {self.by}, what is rare is lost, so nothing is known of bytes")
        sizes = [0] * self.size
        for token, number in json.loads(self.rules)["model"]["vocab"].items():
            sizes[number] = 0 if number == 0 else len(token)  # a sign for each byte; 0 is padding
        return sizes

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text.

        Raises:
            NotApplicable: By "bpe" without its library.
        """
        if self.by == "bytes":
            return list(_encode(text))
        if self.by == "bpe":
            found: list[int] = _library(self.rules).encode(_plain(text)).ids
            return found
        parts: Iterable[str] = WORD.findall(text) if self.by == "words" else text
        unknown = self.unknown or 0
        return [self._places.get(part, unknown) for part in parts]

    def rows(self, texts: Sequence[str], length: int) -> Array:
        """Return the first numbers of each text ``(texts, length)``, filled up with `padding`."""
        import numpy as np

        kind = np.uint8 if self.size <= 256 else np.int32
        found = np.full((len(texts), length), self.padding or 0, dtype=kind)
        for row, text in enumerate(texts):
            numbers = self.numbers(text)[:length]
            found[row, : len(numbers)] = numbers
        return found

    def text(self, numbers: Iterable[int], *, lossless: bool = False) -> str:
        """Return the text of numbers; padding is none, what is unknown is a mark of its own.

        lossless: of bytes that are no text, such as a half of a character, halves that `numbers` makes the same bytes of.
        """
        kept = [int(number) for number in numbers if number != self.padding]
        if self.by == "bytes":
            return bytes(kept).decode("utf-8", "surrogateescape" if lossless else "replace")
        if self.by == "bpe":
            return str(_library(self.rules).decode(kept))
        parts = [UNKNOWN if number == self.unknown else self.things[number] for number in kept]
        return (" " if self.by == "words" else "").join(parts)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {text: number for number, text in enumerate(self.things)}


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _plain(text: str) -> str:
    """Return a text without halves of characters, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


@cache
def _library(rules: str) -> Any:
    return _import_library().Tokenizer.from_str(rules)


def _import_library() -> Any:
    try:
        return import_module("tokenizers")
    except ImportError:
        raise NotApplicable(
            "tokens by bpe need the library tokenizers: pip install 'model-harness[text]'"
        ) from None


def _learn_pairs(texts: Sequence[str], most: int) -> dict[str, Any]:
    """Return the things and the rules of byte pairs; before they are paired a text is cut at blanks, as for GPT-2."""
    library = _import_library()
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=most,
        special_tokens=[PADDING],
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(_plain, texts), trainer)
    things = ("", *(tokenizer.decode([k]) for k in range(1, tokenizer.get_vocab_size())))
    return {"things": things, "rules": tokenizer.to_str()}
