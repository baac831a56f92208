"""Single edits of rows of tokens: which there may be, and what becomes of a row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Budget

SUBSTITUTE, INSERT, DELETE, SWAP = range(4)
KINDS = {"substitute": SUBSTITUTE, "insert": INSERT, "delete": DELETE, "swap": SWAP}
_PRINTED = range(32, 127)  # bytes that are characters of their own
UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # what is unknown, or a part of a character, is written so


@dataclass(frozen=True, eq=False)
class Alphabet:
    """What edits may write and touch.

    tokens: those that may be written ``(letters,)``: neither padding nor what is unknown, nor parts of a character; of bytes
        the printable ones of ASCII. padding: None: rows are windows of one length, which nothing can be put into or taken out of.
    touched: ``(vocabulary,)`` bool, those that may be changed, taken out or swapped: not padding, nor parts of a character.
    """

    tokens: Tensor
    padding: int | None
    touched: Tensor

    @classmethod
    def of(cls, budget: Budget, device: torch.device) -> Alphabet:
        """Return the alphabet of the rows of a budget."""
        text, every = budget.text, torch.arange(int(budget.high) + 1, device=device)
        if text is None:
            return cls(every, None, torch.ones_like(every, dtype=torch.bool))
        touched = torch.ones_like(every, dtype=torch.bool)
        if text.by == "bytes":
            touched = every < 128
        broken = [number for number, thing in enumerate(text.things) if UNKNOWN in thing]
        if text.by == "bpe":
            touched[broken] = False
        if text.padding is not None:
            touched[text.padding] = False
        written = touched.clone()
        written[broken] = False
        tokens = torch.tensor(_PRINTED, device=device) if text.by == "bytes" else every[written]
        return cls(tokens, text.padding, touched)

    def lengths(self, rows: Tensor) -> Tensor:
        """Return how many tokens of each row ``(batch, time)`` are no padding ``(batch,)``."""
        if self.padding is None:
            return torch.full((len(rows),), rows.shape[1], device=rows.device)
        return (rows != self.padding).sum(1)


def apply(rows: Tensor, kind: Tensor, place: Tensor, token: Tensor, padding: int | None) -> Tensor:
    """Return what an edit makes of each row ``(batch, time)``.

    kind, place, token: ``(batch,)``, of `KINDS`; the token is put in before the place, or in its place; the place is
    swapped with the next. What is taken out is filled up at the end, with padding.
    """
    steps = torch.arange(rows.shape[1], device=rows.device)
    at, here = place[:, None], kind[:, None]
    end = 0 if padding is None else padding
    last = rows.shape[1] - 1
    source = steps.expand_as(rows).clone()
    source = source - ((here == INSERT) & (steps > at)).long()
    source = source + ((here == DELETE) & (steps >= at)).long()
    swapped = here == SWAP
    source = source + (swapped & (steps == at)).long() - (swapped & (steps == at + 1)).long()
    found = rows.gather(1, source.clamp(0, last))
    found = found.masked_fill(source > last, end)
    written = ((here == SUBSTITUTE) | (here == INSERT)) & (steps == at)
    return torch.where(written, token[:, None], found)


def allowed(rows: Tensor, alphabet: Alphabet, kinds: frozenset[int]) -> dict[int, Tensor]:
    """Return at which places of each row ``(batch, time)`` an edit of each kind may be, bool of the same shape.

    A token is put in before another or behind the last, where the row has room; one that is alone is not taken out.
    """
    steps = torch.arange(rows.shape[1], device=rows.device)
    lengths = alphabet.lengths(rows)[:, None]
    touched = alphabet.touched[rows] & (steps < lengths)
    following = touched.roll(-1, 1)
    following[:, -1] = False
    nowhere = torch.zeros_like(touched)
    open_ended = alphabet.padding is not None
    room = (lengths < rows.shape[1]) & ((touched & (steps < lengths)) | (steps == lengths))
    every = {
        SUBSTITUTE: touched,
        INSERT: room if open_ended else nowhere,
        DELETE: touched & (lengths > 1) if open_ended else nowhere,
        SWAP: touched & following & (rows != rows.roll(-1, 1)),
    }
    return {kind: places if kind in kinds else nowhere for kind, places in every.items()}


def all_single_edits(row: Tensor, alphabet: Alphabet, kinds: frozenset[int]) -> Tensor:
    """Return all that one edit makes of a row ``(time,)``: ``(edits, time)``."""
    where = allowed(row[None], alphabet, kinds)
    found = []
    for kind, places in where.items():
        (there,) = torch.nonzero(places[0], as_tuple=True)
        written = alphabet.tokens if kind in (SUBSTITUTE, INSERT) else alphabet.tokens[:1]
        place = there.repeat_interleave(len(written))
        token = written.repeat(len(there))
        rows = row.expand(len(place), -1)
        found.append(apply(rows, torch.full_like(place, kind), place, token, alphabet.padding))
    edited = torch.cat(found)
    return edited[(edited != row).any(1)]
