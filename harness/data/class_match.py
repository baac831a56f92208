"""Which classes of one data set are which of another: by their names, by numbers, or by their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.catalogue.counts import counted, list_some
from harness.errors import DataError

Classes = tuple[tuple[int, ...], ...]


def match_classes(
    names: Sequence[str], means: Sequence[Sequence[str]], known: Sequence[str], outputs: int
) -> Classes:
    """Return for each class the classes of the data that it stands for, one or more.

    names: its classes. means: for each the names that it may have in the data; (): its own. known, outputs: the
    names of the data's classes, () where they have none, and how many there are.

    Names are compared without case, and with "_" for a space. Where no name is one of the data's, and all are whole
    numbers, they are places in the order of the data's classes; where the data's have no names, as
    many classes are taken to be in their order.

    Raises:
        DataError: A class is none of the data's, or two stand for the same one.
    """
    wanted = [
        tuple(one) or (name,) for name, one in zip(names, means or [()] * len(names), strict=True)
    ]
    if known:
        places = dict(_places(known))
        found = [
            _some({places[n] for text in one if (n := plain_name(text)) in places})
            for one in wanted
        ]
        if not any(found):
            found = _by_number(names, outputs) or found
    elif len(names) == outputs:
        found = [(place,) for place in range(outputs)]
    else:
        found = _by_number(names, outputs) or [()] * len(names)
    _check(names, wanted, found, known, outputs)
    return tuple(found)


def plain_name(name: str) -> str:
    """Return a name of a class as names are compared."""
    return " ".join(name.casefold().replace("_", " ").split())


def _places(known: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each name and its place; one that several classes have when it is plain names none of them."""
    plain = [plain_name(name) for name in known]
    twice = {name for name, count in Counter(plain).items() if count > 1}
    yield from ((name, place) for place, name in enumerate(plain) if name not in twice)


def _some(places: set[int]) -> tuple[int, ...]:
    return tuple(sorted(places))


def _by_number(names: Sequence[str], outputs: int) -> list[tuple[int, ...]]:
    if not all(name.isdecimal() and int(name) < outputs for name in names):
        return []
    return [(int(name),) for name in names]


def _check(
    names: Sequence[str],
    wanted: Sequence[tuple[str, ...]],
    found: Sequence[tuple[int, ...]],
    known: Sequence[str],
    outputs: int,
) -> None:
    lost = [
        repr(name) if one == (name,) else f"{name!r} (for {list_some([*map(repr, one)])})"
        for name, one, places in zip(names, wanted, found, strict=True)
        if not places
    ]
    if lost:
        there = (
            f"which are {list_some([*map(repr, known)])}" if known else f"{outputs} without names"
        )
        of = f"{len(lost)} of its {counted(len(names), 'class', 'classes')}"
        raise DataError(
            f"{of} {'is' if len(lost) == 1 else 'are'} none of the data's, {there}: {list_some(lost)}; give those "
            "alone that are (a class_map, or classes), in the data's words"
        )
    owners: dict[int, str] = {}
    for name, places in zip(names, found, strict=True):
        for place in places:
            if place in owners:
                called = known[place] if known else str(place)
                raise DataError(
                    f"its classes {owners[place]!r} and {name!r} both stand for the data's {called!r}"
                )
            owners[place] = name
