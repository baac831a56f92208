"""`tictactoe`: every position of the game in which somebody is to move, and who wins it."""

from __future__ import annotations

from functools import cache

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import BoardOptions

CLASSES = ("loss", "draw", "win")
ROWS = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
LINES = (*ROWS, *zip(*ROWS, strict=True), (0, 4, 8), (2, 4, 6))

_SQUARE = np.arange(9).reshape(3, 3)
TURNS = tuple(
    tuple(np.rot90(side, quarter).ravel().tolist())
    for side in (_SQUARE, _SQUARE.T)
    for quarter in range(4)
)

Board = tuple[int, ...]  # of nine fields: 1 of the one who is to move, -1 of the other, 0 empty
EMPTY: Board = (0,) * 9


def load(options: BoardOptions) -> LoadedData:
    """Load a table ``(4520, 9)``, or images ``(4520, 1, 3, 3)``: 1 for a mark of the player to move, -1 for one of the other, 0 for an empty field.

    The class is what the player to move reaches if both play as well as can be. Positions that turning and mirroring make one of
    each other are a group: all are on one side of the cut.
    """
    boards = sorted(reachable())
    is_table = options.modality == "table"
    names = tuple(f"row {field // 3 + 1}, column {field % 3 + 1}" for field in range(9))
    return LoadedData(
        modality=options.modality,
        problem="classification",
        inputs=np.array(boards, dtype=np.float32).reshape(-1, *((9,) if is_table else (1, 3, 3))),
        targets=np.array([value(board) + 1 for board in boards], dtype=np.int64),
        class_names=CLASSES,
        feature_names=names if is_table else (),
        groups=np.array(["".join(map(str, min(symmetries(board)))) for board in boards]),
        columns={"empty fields": [str(board.count(0)) for board in boards]},
        low=-1.0,
        high=1.0,
    )


def reachable() -> set[Board]:
    """Return the positions of games in which both move in turn and that are not over."""
    found, waiting = {EMPTY}, [EMPTY]
    while waiting:
        for after in moves(waiting.pop()):
            if after not in found and not is_over(after):
                found.add(after)
                waiting.append(after)
    return found


def moves(board: Board) -> list[Board]:
    """Return the positions after each move, as the other player has them."""
    return [
        tuple(-1 if place == field else -mark for place, mark in enumerate(board))
        for field in range(9)
        if not board[field]
    ]


def has_lost(board: Board) -> bool:
    """Return whether the player who moved last has three in a line."""
    return any(all(board[field] == -1 for field in line) for line in LINES)


def is_over(board: Board) -> bool:
    """Return whether somebody has won or no field is empty."""
    return 0 not in board or has_lost(board)


@cache
def value(board: Board) -> int:
    """Return 1, 0 or -1: the player to move wins, draws or loses (minimax, von Neumann 1928)."""
    if has_lost(board):
        return -1
    return max((-value(after) for after in moves(board)), default=0)


def symmetries(board: Board) -> list[Board]:
    """Return a position turned and mirrored in all eight ways."""
    return [tuple(board[field] for field in fields) for fields in TURNS]
