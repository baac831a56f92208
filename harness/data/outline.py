"""What the files of a data set say of it before it is loaded: enough to refuse what does not fit, while planning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What can be known of a data set from names and headers of its files; an unknown is left out.

    shape: of an example, as in `Task.input_shape`. class_names, means: as in `LoadedData`. columns: the names of its
        columns.
    """

    shape: tuple[int, ...] | None = None
    class_names: tuple[str, ...] = ()
    means: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] | None = None


def window_misfit(window: int, shape: tuple[int, ...]) -> str:
    """Say that images ``(..., height, width)`` are smaller than what a shift looks at; "" where they are not."""
    if window <= 1 or min(shape[-2:]) >= window:
        return ""
    return (
        f"images of at least {window} x {window} pixels are needed, and those of the data have "
        f"{' x '.join(map(str, shape[-2:]))}; take larger ones (size= of a folder of images)"
    )


def shape_misfit(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Say that examples are of another shape than those of the data; "" where they are not."""
    if shape == wanted:
        return ""
    return (
        f"its examples have the shape {shape}, and those of the data have {wanted}; name a data set of "
        "the same shape (size= of a folder of images)"
    )
