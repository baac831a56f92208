"""How a picture of any size becomes the input of a network: resized, then cropped at its centre.

The rules and their rounding are those of torchvision's Resize and CenterCrop, and of timm's
ResizeKeepRatio and CenterCropOrPad, so that published weights are measured as their authors did.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CROPS = ("center", "squash", "border")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area")
RESIZERS = ("pillow", "torch", "torch-aliased", "opencv")
DECODERS = ("pillow", "opencv")

Size = tuple[int, int]


@dataclass(frozen=True)
class Steps:
    """What is done to a picture of a certain size, in pixels.

    resized: (height, width). padding: (left, top, right, bottom), filled. corner: (top, left) of
    what is cropped, counted after the padding.
    """

    resized: Size
    padding: tuple[int, int, int, int]
    corner: Size


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How pictures are brought to a size before a network takes them.

    size: (height, width) of the result. resize: (height, width) that they are resized to before its
        centre is cropped; None: `size`.
    crop: "center" resizes the shorter side to `resize` and keeps the ratio of the sides; "squash"
        resizes both; "border" resizes the longer one, keeps the ratio and fills what is left.
    interpolation: "nearest", "bilinear", "bicubic" or "area"; smoothed where the picture shrinks, but for
        "torch-aliased" and, "area" aside, "opencv".
    fill: of borders, 0 (black) to 1 (white), one for each channel or one for all.
    resizer: the library that resizes: "pillow", "torch", "torch-aliased" (torch, not smoothed) or "opencv".
    decoder: the library that reads a file: "pillow" or "opencv".
    """

    size: Size
    resize: Size | None = None
    crop: str = "center"
    interpolation: str = "bicubic"
    fill: tuple[float, ...] = (0.0,)
    resizer: str = "pillow"
    decoder: str = "pillow"

    def __post_init__(self) -> None:
        """Refuse what is no rule of this class."""
        if self.crop not in CROPS or self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"crop {self.crop!r} with interpolation {self.interpolation!r}; allowed are "
                f"{', '.join(CROPS)} and {', '.join(INTERPOLATIONS)}"
            )
        if self.resizer not in RESIZERS or self.decoder not in DECODERS:
            raise ValueError(
                f"resizer {self.resizer!r} with decoder {self.decoder!r}; allowed are "
                f"{', '.join(RESIZERS)} and {', '.join(DECODERS)}"
            )

    def steps(self, height: int, width: int) -> Steps:
        """Return what is done to a picture of `height` x `width` pixels."""
        goal = self.resize or self.size
        resized = self._resized(height, width, goal)
        missing = [max(0, size - side) for size, side in zip(self.size, resized, strict=True)]
        top, left = (count // 2 for count in missing)
        bottom, right = (count - count // 2 for count in missing)
        padded = (resized[0] + missing[0], resized[1] + missing[1])
        corner = (round((padded[0] - self.size[0]) / 2), round((padded[1] - self.size[1]) / 2))
        return Steps(resized, (left, top, right, bottom), corner)

    def _resized(self, height: int, width: int, goal: Size) -> Size:
        if self.crop == "squash":
            return goal
        if self.crop == "center" and goal[0] == goal[1]:
            shorter, side = min(height, width), goal[0]
            return int(side * height / shorter), int(side * width / shorter)
        choose = min if self.crop == "center" else max
        ratio = choose(height / goal[0], width / goal[1])
        return round(height / ratio), round(width / ratio)

    def words(self) -> str:
        """Say it in a few words, such as "shorter side to 235 (bicubic), centre of 224 x 224"."""
        height, width = self.resize or self.size
        side = str(height) if height == width else f"{height} x {width}"
        what = {
            "center": f"shorter side to {side}",
            "squash": f"squashed to {height} x {width}",
            "border": f"longer side to {side}, with borders",
        }[self.crop]
        by = "" if self.resizer == "pillow" else f" by {self.resizer}"
        read = "" if self.decoder == "pillow" else f", decoded by {self.decoder}"
        size = f"{self.size[0]} x {self.size[1]}"
        return f"{what} ({self.interpolation}{by}), centre of {size}{read}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, the inverse of `from_json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**fields)
