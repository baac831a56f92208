"""What the options of an item are: a pydantic model in which a misspelt name is an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """The options of an item: each field has a default and a description.

    A name that is no field is refused, and values do not change. What checks values is built when the first are
    given, as listings need the fields alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
