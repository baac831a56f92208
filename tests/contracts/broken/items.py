"""Items of any kind that break what holds for all."""

import random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from broken.architectures import linear
from broken.shifts import grows
from harness.api import Architecture, Refers, Shift


class Loose(BaseModel):
    width: int = Field("wide", description="units")
    depth: int = 3


class Refering(BaseModel):
    model_config = ConfigDict(extra="forbid")
    attack: Annotated[str, Refers("attack")] = Field("pdg", description="an attack")


class Fickle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: float = Field(default_factory=random.random, description="units")


CASES = {
    "name": (
        Shift(name="my shift", apply=grows, takes=("image",)),
        "Its name follows",
        "'my shift'",
    ),
    "summary": (
        Shift(name="x", summary="a\nb", takes=("image",), apply=grows),
        "Its summary",
        "2 lines",
    ),
    "takes": (Shift(name="x", apply=grows, takes=("picture",)), "It says what", "picture"),
    "takes a text": (
        Shift(name="x", apply=grows, takes="image"),
        "It says what",
        "takes is 'image'",
    ),
    "reference": (
        Shift(name="x", apply="no_such.module:f", takes=("image",)),
        "Every function",
        "no_such",
    ),
    "attribute": (
        Shift(name="x", apply="json:no_such", takes=("image",)),
        "Every function",
        "no_such",
    ),
    "default": (
        Shift(name="x", apply=grows, takes=("image",), options=Loose),
        "Each of its options",
        "'wide'",
    ),
    "extra": (
        Shift(name="x", apply=grows, takes=("image",), options=Loose),
        "An option that",
        "extra",
    ),
    "refers": (
        Shift(name="x", apply=grows, takes=("image",), options=Refering),
        "The items that",
        "'pdg'",
    ),
    "fickle": (
        Shift(name="x", apply=grows, takes=("image",), options=Fickle),
        "Its options come",
        "differ",
    ),
    "family": (
        Architecture(name="zoo/", build=linear, takes=("image",), members="json:dumps"),
        "A family lists",
        "cannot be listed",
    ),
}
