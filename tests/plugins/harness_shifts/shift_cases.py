"""Tasks and images that tests of shifts share."""

import torch

from harness.api import Draws, Task


def task(shape: tuple[int, ...], modality: str = "image", low: float = 0.0, high: float = 1.0):
    return Task(
        modality=modality,
        problem="classification",
        input_shape=shape,
        outputs=2,
        low=low,
        high=high,
        std=tuple(0.5 + i for i in range(shape[0])) if modality == "table" else (0.2,),
    )


def images(n: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Smooth patterns with an edge, in [0, 1]."""
    generator = torch.Generator().manual_seed(5)
    channels, height, width = shape
    y = torch.linspace(0, 1, height).view(1, 1, -1, 1)
    x = torch.linspace(0, 1, width).view(1, 1, 1, -1)
    slope = torch.rand((n, channels, 2), generator=generator)
    smooth = slope[:, :, :1, None] * x + slope[:, :, 1:, None] * y
    edge = (x > 0.4) & (y > 0.3) & (y < 0.8)
    return (0.3 * smooth + 0.6 * edge).clamp(0, 1).contiguous()


def photographs(n: int, side: int) -> torch.Tensor:
    """Coloured edges on slopes with some texture, in 8 bits: what a photograph has."""
    generator = torch.Generator().manual_seed(side)
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    slopes = torch.rand((n, 3, 2, 1, 1), generator=generator)
    image = 0.6 * (slopes[:, :, 0] * x + slopes[:, :, 1] * y)
    colours = torch.rand((n, 3, 1, 1), generator=generator)
    disk = ((x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.06).expand(n, 3, -1, -1)
    image = torch.where(disk, colours, image) + 0.1 * torch.sin(40 * x * y)
    image = image + 0.05 * torch.randn(image.shape, generator=generator)
    image[:, :, -3:, :3] = 0.0  # black has no hue
    return (image.clamp(0, 1) * 255).round() / 255


class RandomOfOne:
    """The draws of one example, as numpy arrays."""

    def __init__(self, key: int, identity: int):
        self.draws = Draws(key, torch.tensor([identity]))

    def normal(self, stream, shape):
        """Take images as (height, width, 3)."""
        return self._channels_last(self.draws.normal, shape, stream)

    def uniform(self, stream, shape):
        return self._channels_last(self.draws.uniform, shape, stream)

    def words(self, stream, shape):
        return self._channels_last(self.draws.words, shape, stream)

    def integers(self, stream, high, shape):
        return self.draws.integers(stream, high, shape)[0].numpy()

    @staticmethod
    def _channels_last(draw, shape, stream):
        image = len(shape) == 3 and shape[2] == 3
        found = draw(stream, (shape[2], *shape[:2]) if image else shape)[0].double().numpy()
        return found.transpose(1, 2, 0) if image else found
