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
    state = _fold(state, 30).mul_(_MIX1)
    state = _fold(state, 27).mul_(_MIX2)
    return _fold(state, 31)


def _fold(state: torch.Tensor, shift: int) -> torch.Tensor:
    """Return state ^ (state >>> shift)."""
    return (state >> shift).bitwise_and_((1 << (64 - shift)) - 1).bitwise_xor_(state)


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
        return _uniform(self._bits(stream, math.prod(shape)), 40).reshape(len(self.ids), *shape)

    def normal(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return float32 standard normal draws ``(batch, *shape)`` by Box and Muller (1958).

        Radius and angle come from 24 bits each of one hash; so none is beyond 5.8.
        """
        import torch

        bits = self._bits(stream + "/normal", math.prod(shape))
        radius = torch.sqrt_(torch.log1p_(_uniform(bits, 40).neg_()).mul_(-2.0))
        drawn = radius.mul_(torch.cos_(_uniform(bits, 16).mul_(2.0 * math.pi)))
        return drawn.reshape(len(self.ids), *shape)

    def _bits(self, stream: str, count: int) -> torch.Tensor:
        """Return 64 random bits for each position, int64 ``(batch, count)``."""
        import torch

        key = derive(self.key, stream)
        example = _mix(self.ids.to(torch.int64) * _GAMMA + key)
        position = torch.arange(1, count + 1, device=self.ids.device) * _GAMMA
        return _mix(example[:, None] + position[None, :])


def _uniform(bits: torch.Tensor, shift: int) -> torch.Tensor:
    """Return 24 of the bits, as many as float32 holds exactly, as numbers in [0, 1)."""
    import torch

    return ((bits >> shift) & ((1 << 24) - 1)).to(torch.float32).mul_(2.0**-24)
