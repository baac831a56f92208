"""Other light: the hue of HSV turned."""

from __future__ import annotations

import torch

from harness.api import Draws, NotApplicable, Task
from harness_shifts.pixels import from_unit, largest_channel, smallest_channel, to_unit
from harness_shifts.severity import at_severity

DEGREES = (6, 12, 18, 27, 36)  # of 360
GREYISH = 1e-9  # has no hue


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the image with the hue of every pixel turned by one angle, forwards or backwards by its draw.

    Value and saturation stay, so what is grey stays as it is: severities 1 to 5 turn by 6 to 36 degrees.

    inputs: ``(batch, 3, height, width)`` in [task.low, task.high].

    Raises:
        NotApplicable: Images have not three channels, and so no hue.
    """
    degrees = at_severity(DEGREES, severity)
    if inputs.shape[1] != 3:
        raise NotApplicable(
            f"hue is of colours, and images of {inputs.shape[1]} channels have none"
        )
    images = to_unit(inputs, task)
    value = largest_channel(images)
    chroma = value - smallest_channel(images)
    red, green, blue = (one[:, None] for one in images.unbind(1))
    sixths = torch.where(
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma),
    ).div_(chroma.clamp(min=GREYISH))
    signs = (draws.uniform("hue") < 0.5).to(images.dtype).mul_(2).sub_(1)
    sixths += signs[:, None, None, None] * (degrees / 60)
    places = torch.tensor((5.0, 3.0, 1.0), device=images.device).view(1, 3, 1, 1)
    steps = (sixths + places).remainder_(6)
    return from_unit(value - chroma * torch.minimum(steps, 4 - steps).clamp_(0, 1), task)
