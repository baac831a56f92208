"""What stands in the place of the model where a measure compares several, or is of a data set."""

from __future__ import annotations

from typing import Any

from torch import nn

from harness.errors import PluginError


class NoModel(nn.Module):
    """A module without parameters that says where the models are when it is called."""

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """Refuse.

        Raises:
            PluginError: Always.
        """
        raise PluginError(
            "this measure has no context.model: one that ranges over fitted models loads each from context.fits, one of "
            'scope "data" is of a data set alone'
        )
