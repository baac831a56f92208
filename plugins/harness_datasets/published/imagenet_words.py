"""What the 1,000 classes of ImageNet are called: WordNet ids ("n02708093") and words ("analog clock"), of timm's table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

WNID = re.compile(r"n\d{8}")


def also_called(name: str) -> tuple[str, ...]:
    """Return a name of a class and what else it is called in ImageNet: its id, all its words, the first of them."""
    _, words, ids = _tables()
    wnid = name if WNID.fullmatch(name) else ids.get(plain(name), "")
    lemma = words.get(wnid, "")
    first = lemma.partition(",")[0]
    known = (name, wnid, lemma, first if ids.get(plain(first)) == wnid else "")
    return tuple(dict.fromkeys(filter(None, known)))


def all_called(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return of each class what it may be called; where all are numbers, they are also places in ImageNet's order.

    So the folders of ImageNet-V2 are named, 0 to 999 in the order of the ids.
    """
    order, _, _ = _tables()
    if not all(name.isdecimal() and int(name) < len(order) for name in names):
        return tuple(map(also_called, names))
    return tuple((name, *also_called(order[int(name)])) for name in names)


def plain(name: str) -> str:
    """Return a name in small letters with a blank between words, as "Great_white shark" and "great white shark" are one."""
    return " ".join(name.casefold().replace("_", " ").split())


@lru_cache(maxsize=1)
def _tables() -> tuple[tuple[str, ...], Mapping[str, str], Mapping[str, str]]:
    """Return the ids in order, {id: words} and {words, or the first of them where no other class has it: id}; nothing
    without timm.
    """
    spec = find_spec("timm")  # which imports nothing
    if spec is None or not spec.submodule_search_locations:
        return (), {}, {}
    folder = Path(next(iter(spec.submodule_search_locations))) / "data" / "_info"
    try:
        order = tuple((folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split())
        lines = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    except OSError:
        return (), {}, {}
    wanted = set(order)
    words = {wnid: lemma for wnid, _, lemma in (x.partition("\t") for x in lines) if wnid in wanted}
    names = [(plain(text), wnid) for wnid, lemma in words.items() for text in _texts(lemma)]
    counts = Counter(name for name, _ in names)
    return order, words, {name: wnid for name, wnid in names if counts[name] == 1}


def _texts(lemma: str) -> set[str]:
    return {lemma, lemma.partition(",")[0]}
