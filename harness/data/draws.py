"""Random numbers that belong to examples.

A draw depends on a key, the example's id, the name of the stream and the position in it; not on the
batch that the example is in, the order, the device or anything drawn before. So an augmented,
corrupted or attacked example is the same for every architecture and every batch size.

The generator is SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators"), used as a counter-based hash: each of its 64-bit outputs is two words of 32. As arithmetic on int64
tensors it takes 7 ns an output on one core, as long as numpy's compiled Philox (8 ns, and 36 us for each example),
on any device; Philox 4x32 by the same arithmetic takes four times as long.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

_GAMMA = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit integer
_MIX1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX2 = -7723592293110705685  # 0x94D049BB133111EB
_BLOCK = 1 << 17  # outputs at a time: 1 MiB


def derive(*words: object) -> int:
    """Return a seed, 0 to 2**63 - 1, for a part named by `words`: a hash, never shared state."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _mix(state: torch.Tensor) -> torch.Tensor:
    """The finaliser of SplitMix64 on int64 tensors, in place; shifts are logical, so the sign is masked."""
    import torch

    folded = torch.empty_like(state)
    for shift, factor in ((30, _MIX1), (27, _MIX2), (31, 1)):
        torch.bitwise_right_shift(state, shift, out=folded)
        state.bitwise_xor_(folded.bitwise_and_((1 << (64 - shift)) - 1))
        if factor != 1:
            state.mul_(factor)
    return state


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
        """Return float32 draws, uniform on [0, 1), of shape ``(batch, *shape)``: 24 bits each."""
        import torch

        drawn = torch.empty((len(self.ids), math.prod(shape)), device=self.ids.device)
        for rows, bits in self._bits(stream, drawn.shape[1]):
            drawn[rows] = bits.bitwise_right_shift_(40).bitwise_and_((1 << 24) - 1)
            drawn[rows].mul_(2.0**-24)
        return drawn.reshape(len(drawn), *shape)

    def integers(self, stream: str, high: int, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return int64 draws ``(batch, *shape)``, uniform on 0 to high - 1.

        high: 1 to 2**24. Of 32 bits each: no number is likelier than another by more than 2**-8 of itself.

        Raises:
            ValueError: There is no such range.
        """
        import torch

        if not 1 <= high <= 1 << 24:
            raise ValueError(f"integers below {high}; allowed: 1 to 2**24")
        size = (len(self.ids), math.prod(shape))
        drawn = torch.empty(size, dtype=torch.int64, device=self.ids.device)
        for rows, bits in self._bits(stream + "/integers", size[1]):
            bits.bitwise_right_shift_(32).bitwise_and_((1 << 32) - 1)
            drawn[rows] = bits.mul_(high).bitwise_right_shift_(32)
        return drawn.reshape(len(drawn), *shape)

    def normal(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return float32 standard normal draws ``(batch, *shape)`` by Box and Muller (1958).

        Radius and angle have 24 bits each, so none is beyond 5.9. The first half of an example's draws are
        radius * cos(angle), the other half radius * sin(angle): they depend on how many are drawn.
        """
        import torch

        count = math.prod(shape)
        half = (count + 1) // 2
        drawn = torch.empty((len(self.ids), 2 * half), device=self.ids.device)
        for rows, bits in self._bits(stream + "/normal", half):
            # Two words of 32 bits, with a sign, from each output: 24 bits of each, from -0.5 to 0.5.
            drawn[rows] = bits.view(torch.int32) >> 8
            drawn[rows].mul_(2.0**-24)
            radius, angle = drawn[rows, :half], drawn[rows, half:]
            # A radius of infinity is left out: the number above 0 would be 2**-24.
            radius.add_(0.5).clamp_(min=2.0**-25).log_().mul_(-2.0).sqrt_()
            cosine = angle.mul_(2.0 * math.pi).cos().mul_(radius)
            angle.sin_().mul_(radius)
            radius.copy_(cosine)
        return drawn[:, :count].reshape(len(drawn), *shape)

    def _bits(self, stream: str, count: int) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield 64 random bits for each position, int64 ``(rows, count)``, and which rows these are.

        Rows go by in blocks that stay in a core's cache.
        """
        import torch

        if not count:
            return
        examples = _mix(self.ids.to(torch.int64) * _GAMMA + derive(self.key, stream))[:, None]
        positions = torch.arange(1, count + 1, device=self.ids.device) * _GAMMA
        step = max(1, _BLOCK // count)
        for start in range(0, len(examples), step):
            rows = slice(start, start + step)
            yield rows, _mix(examples[rows] + positions)
