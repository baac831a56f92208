"""`connect_four_endgames`: positions of Connect Four near the end of a game, who wins, and a move that is best."""

from __future__ import annotations

import random
from functools import cache

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import ConnectFourOptions

COLUMNS, ROWS = 7, 6
HEIGHT = (
    ROWS + 1
)  # bits of a column: one is always empty, so that no line goes on in the next column
MIDDLE_FIRST = (3, 2, 4, 1, 5, 0, 6)
CLASSES = ("loss", "draw", "win")
FIELDS = tuple((row, column) for row in range(ROWS) for column in range(COLUMNS))
EMPTY_FIELDS = 4, 10  # least and most, with which a game is played to its end in milliseconds


def load(options: ConnectFourOptions) -> LoadedData:
    """Load a table ``(examples, 42)``, or images ``(examples, 1, 6, 7)`` with the lowest row first: 1 for a disc of the player to move, -1 for one of the other, 0 for an empty field.

    The class is what the player to move reaches if both play as well as can be, or, with ``label=move``, the column of
    the move that is best: of the highest value, and of these that nearest to the middle. Positions come from games in
    which both move at random, and make no four in a line while they can do otherwise; in none does the next move win. Each and its mirror image are a group
    on one side of the cut.
    """
    positions = sample(options.examples)
    if options.label == "move":
        targets = [best_move(*one) for one in positions]
        names = tuple(f"column {column + 1}" for column in range(COLUMNS))
    else:
        targets = [value(*one) + 1 for one in positions]
        names = CLASSES
    is_table = options.modality == "table"
    shape = (ROWS * COLUMNS,) if is_table else (1, ROWS, COLUMNS)
    boards = np.array([fields(*one) for one in positions], dtype=np.float32)
    return LoadedData(
        modality=options.modality,
        problem="classification",
        inputs=boards.reshape(-1, *shape),
        targets=np.array(targets, dtype=np.int64),
        class_names=names,
        feature_names=tuple(f"row {row + 1}, column {column + 1}" for row, column in FIELDS)
        if is_table
        else (),
        groups=np.array([str(min(one, (mirror(one[0]), mirror(one[1])))) for one in positions]),
        columns={"empty fields": [str(_empty(both)) for _, both in positions]},
        low=-1.0,
        high=1.0,
    )


@cache
def sample(count: int) -> list[tuple[int, int]]:
    """Return different positions with so many empty fields as `EMPTY_FIELDS`, in which nobody wins with the next move."""
    draw = random.Random(0)
    found: dict[tuple[int, int], None] = {}
    while len(found) < count:
        mine, both, wanted = 0, 0, draw.randint(*EMPTY_FIELDS)
        while _empty(both) > wanted:
            columns = draw.sample(range(COLUMNS), COLUMNS)
            free = (one for one in columns if can_move(both, one) and not wins(mine, both, one))
            column = next(free, None)
            if column is None:
                break
            mine, both = move(mine, both, column)
        else:
            if not any(can_move(both, one) and wins(mine, both, one) for one in range(COLUMNS)):
                found[mine, both] = None
    return list(found)


def _empty(both: int) -> int:
    return COLUMNS * ROWS - both.bit_count()


def can_move(both: int, column: int) -> bool:
    """Return whether a column is not full."""
    return not both & 1 << (HEIGHT * column + ROWS - 1)


def move(mine: int, both: int, column: int) -> tuple[int, int]:
    """Return the position after a move, as the other player has it: the discs of who is to move, and of both."""
    return mine ^ both, both | both + (1 << HEIGHT * column)


def wins(mine: int, both: int, column: int) -> bool:
    """Return whether a move into a column makes four in a line."""
    placed = both + (1 << HEIGHT * column) & ((1 << ROWS) - 1) << HEIGHT * column
    return has_four(mine | placed)


def has_four(discs: int) -> bool:
    """Return whether four discs are in a line: above each other, side by side, or on a diagonal."""
    for step in (1, HEIGHT, HEIGHT - 1, HEIGHT + 1):
        pairs = discs & discs >> step
        if pairs & pairs >> 2 * step:
            return True
    return False


@cache
def value(mine: int, both: int) -> int:
    """Return 1, 0 or -1: the player to move wins, draws or loses (minimax, von Neumann 1928)."""
    best = -1
    free = [column for column in MIDDLE_FIRST if can_move(both, column)]
    if not free:
        return 0
    if any(wins(mine, both, column) for column in free):
        return 1
    for column in free:
        best = max(best, -value(*move(mine, both, column)))
        if best == 1:
            break
    return best


def best_move(mine: int, both: int) -> int:
    """Return the column of the highest value, of several that nearest to the middle, of two as near the left one; a move that wins
    at once goes before all.
    """
    free = [column for column in MIDDLE_FIRST if can_move(both, column)]
    won = next((column for column in free if wins(mine, both, column)), None)
    if won is not None:
        return won
    known = -2, -1
    for column in free:
        reached = -value(*move(mine, both, column))
        if reached > known[0]:
            known = reached, column
        if reached == 1:
            break
    return known[1]


def mirror(discs: int) -> int:
    """Return discs with left and right exchanged."""
    column = (1 << HEIGHT) - 1
    return sum(
        (discs >> HEIGHT * place & column) << HEIGHT * (COLUMNS - 1 - place)
        for place in range(COLUMNS)
    )


def fields(mine: int, both: int) -> list[int]:
    """Return 1, -1 or 0 of each field, the lowest row first."""
    bits = [1 << HEIGHT * column + row for row, column in FIELDS]
    return [(1 if mine & bit else -1) if both & bit else 0 for bit in bits]
