"""The options of the readers of data sets in the files in which they are published."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness_datasets.options import CLASSES, Names, PathOptions


class IdxOptions(PathOptions):
    """Options of `idx`."""

    classes: Names = Field(default=(), description=CLASSES)


class Cifar10Options(PathOptions):
    """Options of `cifar10`."""

    classes: Names = Field(default=(), description=CLASSES)


class Cifar100Options(PathOptions):
    """Options of `cifar100`."""

    labels: Literal["fine", "coarse"] = Field(
        default="fine", description="fine: the 100 classes; coarse: the 20 that they are grouped in"
    )
    classes: Names = Field(default=(), description=CLASSES)


Severity = Annotated[int, Field(ge=1, le=5)]


class Cifar10COptions(PathOptions):
    """Options of `cifar10_c`."""

    corruptions: Names = Field(
        default=(), description="those to take; left out: all that are there"
    )
    severities: tuple[Severity, ...] = Field(
        default=(1, 2, 3, 4, 5), description="severities, 1 to 5", min_length=1
    )


class Cifar101Options(PathOptions):
    """Options of `cifar10_1`."""

    version: Literal["v4", "v6"] = Field(default="v6", description="of the files in the folder")


class MnistCOptions(PathOptions):
    """Options of `mnist_c`."""

    corruptions: Names = Field(
        default=(), description="those to take; left out: all that are there but identity"
    )


class ImageNetCOptions(PathOptions):
    """Options of `imagenet_c`."""

    corruptions: Names = Field(
        default=(), description="those to take; left out: all that are there"
    )
    severities: tuple[Severity, ...] = Field(
        default=(1, 2, 3, 4, 5), description="severities, 1 to 5", min_length=1
    )
    examples: int | None = Field(
        default=None,
        description="images of each class, corruption and severity, the first by name; left out: all, of which a "
        "copy is written at the size that models take (7.5 GB for each corruption and severity of the whole)",
        ge=1,
    )


class ShiftedFolderOptions(PathOptions):
    """Options of `shifted_folder`."""

    class_map: str = Field(
        default="",
        description="a JSON file {class: name or list of names} of the classes that are told, in words of the "
        "data that models are trained on; others are left out. Empty: folders are named as those",
    )
    channels: Literal[1, 3] = Field(default=3, description="3 for colour, 1 for grey")
    border: int = Field(
        default=0, description="pixels to cut off each side first (ObjectNet: 2)", ge=0, le=100
    )
