"""Random numbers that belong to examples.

A draw depends on a key, the example's id, the name of the stream and the position in it; not on the
batch that the example is in, the order, the device or anything drawn before. So an augmented,
corrupted or attacked example is the same for every architecture and every batch size.

The generator is SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators"), used as a counter-based hash.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_GAMMA = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit integer
_MIX1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX2 = -7723592293110705685  # 0x94D049BB133111EB


def derive(*words: object) -> int:
    """Return a seed, 0 to 2**63 - 1, for a part named by `words`: a hash, never shared state."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _mix(state: torch.Tensor) -> torch.Tensor:
    """The finaliser of SplitMix64 on int64 tensors; shifts are logical, so the sign is masked."""
    state = (state ^ ((state >> 30) & ((1 << 34) - 1))) * _MIX1
    state = (state ^ ((state >> 27) & ((1 << 37) - 1))) * _MIX2
    return state ^ ((state >> 31) & ((1 << 33) - 1))


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws for the examples of a batch.

    key: a seed (see `derive`). ids: ``(batch,)`` int64, the examples' stable ids.
    """

    key: int
    ids: torch.Tensor

    def at(self, *words: object) -> Draws:
        """Return independent draws for a part: an epoch, a restart, a step."""
        return Draws(derive(self.key, *words), self.ids)

    def select(self, index: torch.Tensor) -> Draws:
        """Return the draws of some of the examples, unchanged by the others leaving."""
        return Draws(self.key, self.ids[index])

    def uniform(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return float32 draws, uniform on [0, 1), of shape ``(batch, *shape)``."""
        import torch

        count = math.prod(shape)
        key = derive(self.key, stream)
        example = _mix(self.ids.to(torch.int64) * _GAMMA + key)
        position = torch.arange(1, count + 1, device=self.ids.device) * _GAMMA
        bits = _mix(example[:, None] + position[None, :])
        top24 = (bits >> 40) & ((1 << 24) - 1)  # as many bits as float32 holds exactly
        return (top24.to(torch.float32) * 2.0**-24).reshape(len(self.ids), *shape)

    def normal(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return float32 standard normal draws ``(batch, *shape)`` by Box and Muller (1958)."""
        import torch

        radius = torch.sqrt(-2.0 * torch.log1p(-self.uniform(stream + "/radius", shape)))
        return radius * torch.cos(2.0 * math.pi * self.uniform(stream + "/angle", shape))
