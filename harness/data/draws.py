"""Random numbers that belong to examples.

A draw depends on a key, the example's id, the name of the stream and the position in it; not on the
batch that the example is in, the order, the device or anything drawn before. So an augmented,
corrupted or attacked example is the same for every architecture and every batch size.

The generator is SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators"), used as a counter-based hash: each of its 64-bit outputs is two words of 32. It takes 2 ns an output
on one core, numpy's compiled Philox 3 ns and 36 us for each example. On the CPU numpy does the arithmetic: its
unsigned integers shift in zeros, and its logarithm, sine and cosine take a third of torch's time. Other devices take
torch's signed integers, which need a mask more.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import torch

    Array = np.ndarray[Any, Any]

_GAMMA = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit integer
_MIX1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX2 = -7723592293110705685  # 0x94D049BB133111EB
_STEPS = (
    (30, _MIX1),
    (27, _MIX2),
    (31, 1),
)  # how far bits are folded down, and what then multiplies them
_BLOCK = 1 << 15  # outputs at a time: a quarter of a MiB, and as much again to mix them


def derive(*words: object) -> int:
    """Return a seed, 0 to 2**63 - 1, for a part named by `words`: a hash, never shared state."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _shift(words: torch.Tensor, places: int) -> torch.Tensor:
    """Shift words to the right in place: those of 64 bits as numbers without a sign, those of 32 with one."""
    import numpy as np

    if words.device.type == "cpu":  # as numpy does, in half the time
        array = words.numpy()
        if array.itemsize == 8:
            array = array.view(np.uint64)
        np.right_shift(array, array.dtype.type(places), out=array)
        return words
    words.bitwise_right_shift_(places)
    return words.bitwise_and_((1 << (64 - places)) - 1) if words.itemsize == 8 else words


def _mix(
    state: torch.Tensor, folded: torch.Tensor, steps: Sequence[tuple[int, int]] = _STEPS
) -> torch.Tensor:
    """The finaliser of SplitMix64 on int64 tensors, in place; shifts are logical, so the sign is masked."""
    import torch

    if state.device.type == "cpu":
        _mix_words(_unsigned(state), _unsigned(folded), _scalars(steps))
        return state
    for shift, factor in steps:
        torch.bitwise_right_shift(state, shift, out=folded)
        state.bitwise_xor_(folded.bitwise_and_((1 << (64 - shift)) - 1))
        if factor != 1:
            state.mul_(factor)
    return state


def _mix_words(state: Array, folded: Array, steps: Sequence[tuple[Any, Any]]) -> None:
    """The same on arrays in memory."""
    import numpy as np

    for shift, factor in steps:
        np.right_shift(state, shift, out=folded)
        np.bitwise_xor(state, folded, out=state)
        if factor != 1:
            np.multiply(state, factor, out=state)


def _unsigned(words: torch.Tensor) -> Array:
    return words.numpy().view("uint64")


def _scalars(steps: Sequence[tuple[int, int]]) -> list[tuple[Any, Any]]:
    """Return steps as numpy's own numbers, which take part in arithmetic at once."""
    import numpy as np

    return [(np.uint64(shift), np.uint64(factor % (1 << 64))) for shift, factor in steps]


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
        # What is folded last into a word, from 31 places above, does not reach the 24 bits that are taken.
        for rows, places, bits in self._bits(stream, drawn.shape[1], _STEPS[:2]):
            drawn[rows, places].copy_(_shift(bits, 40)).mul_(2.0**-24)
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
        for rows, places, bits in self._bits(stream + "/integers", size[1]):
            drawn[rows, places] = _shift(_shift(bits, 32).mul_(high), 32)
        return drawn.reshape(len(drawn), *shape)

    def words(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return int32 draws ``(batch, *shape)``, uniform on -2**31 to 2**31 - 1.

        Two of each output of the generator, which makes them the cheapest there are: half as dear as `uniform`.
        """
        import torch

        size = (len(self.ids), math.prod(shape))
        drawn = torch.empty(size, dtype=torch.int32, device=self.ids.device)
        for rows, places, some in self._words(stream + "/words", size[1]):
            drawn[rows, places] = some
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
        for rows, places, some in self._words(stream + "/normal", 2 * half):
            drawn[rows, places] = _shift(some, 8)
        _box_muller(drawn[:, :half], drawn[:, half:])
        return drawn[:, :count].reshape(len(drawn), *shape)

    def _words(self, stream: str, count: int) -> Iterator[tuple[slice, slice, torch.Tensor]]:
        """Yield 32 random bits for each position, int32 ``(rows, places)``, and which rows and places these are."""
        import torch

        for rows, outputs, bits in self._bits(stream, (count + 1) // 2):
            places = slice(2 * outputs.start, min(2 * outputs.stop, count))
            yield rows, places, bits.view(torch.int32)[:, : places.stop - places.start]

    def _bits(
        self, stream: str, count: int, steps: Sequence[tuple[int, int]] = _STEPS
    ) -> Iterator[tuple[slice, slice, torch.Tensor]]:
        """Yield 64 random bits for each position, int64 ``(rows, places)``, and which rows and places these are."""
        import torch

        if not count:
            return
        examples = self.ids.to(torch.int64) * _GAMMA + derive(self.key, stream)
        _mix(examples, torch.empty_like(examples))
        if examples.device.type == "cpu":
            yield from _bits_in_memory(_unsigned(examples), count, steps)
            return
        wide = min(count, _BLOCK)
        places = torch.arange(1, wide + 1, device=self.ids.device) * _GAMMA
        for rows, columns in _blocks(len(examples), count):
            firsts = examples[rows, None] + _signed(columns.start * _GAMMA)
            part = firsts + places[: columns.stop - columns.start]
            yield rows, columns, _mix(part, torch.empty_like(part), steps)


def _bits_in_memory(
    examples: Array, count: int, steps: Sequence[tuple[int, int]]
) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """Yield what `Draws._bits` does, of examples in memory: a block at a time, which stays in a core's cache."""
    import numpy as np
    import torch

    scalars = _scalars(steps)
    gamma = np.uint64(_GAMMA % (1 << 64))
    places = np.arange(1, min(count, _BLOCK) + 1, dtype=np.uint64) * gamma
    # Made once: on some machines pages of memory that is fresh cost more than what is done with them.
    state, folded = np.empty((2, min(_BLOCK, len(examples) * count)), np.uint64)
    for rows, columns in _blocks(len(examples), count):
        some = examples[rows, None]
        shape = (len(some), columns.stop - columns.start)
        size = math.prod(shape)
        part = state[:size].reshape(shape)
        before = np.uint64(columns.start * _GAMMA % (1 << 64))
        np.add(some + before, places[: shape[1]], out=part)
        _mix_words(part, folded[:size].reshape(shape), scalars)
        yield rows, columns, torch.from_numpy(part.view(np.int64))


def _box_muller(radii: torch.Tensor, angles: torch.Tensor) -> None:
    """Turn whole numbers of 24 bits, from -2**23 on, ``(rows, columns)``, into normal draws, in place."""
    import numpy as np
    import torch

    library: Any = torch
    room: Any = torch.empty((3, min(_BLOCK, radii.numel())), device=radii.device)
    if room.device.type == "cpu":
        library = np
        radii, angles, room = radii.numpy(), angles.numpy(), room.numpy()  # type: ignore[assignment]
    # What is between is kept side by side: numpy takes half as long again for rows that lie apart.
    for rows, columns in _blocks(*radii.shape):
        radius, angle = radii[rows, columns], angles[rows, columns]
        long, turn, cosine = room[:, : math.prod(radius.shape)].reshape(3, *radius.shape)
        library.multiply(radius, 2.0**-24, out=long)
        library.add(long, 0.5, out=long)
        # A radius of infinity is left out: the number above 0 would be 2**-24.
        library.clip(long, 2.0**-25, None, out=long)
        library.log(long, out=long)
        library.multiply(long, -2.0, out=long)
        library.sqrt(long, out=long)
        library.multiply(angle, 2.0**-23 * math.pi, out=turn)
        library.cos(turn, out=cosine)
        library.sin(turn, out=turn)
        library.multiply(turn, long, out=angle)
        library.multiply(cosine, long, out=radius)


@dataclass(frozen=True, eq=False)
class RememberedDraws(Draws):
    """The same draws, made when they are first asked for and copied where they are asked for again.

    For several uses of a batch, such as the severities of a shift, which scale one noise. made: what was drawn.
    """

    made: dict[tuple[int, str, str], torch.Tensor] = field(default_factory=dict)

    def at(self, *words: object) -> RememberedDraws:
        """Return independent draws for a part, remembered beside these."""
        return RememberedDraws(derive(self.key, *words), self.ids, self.made)

    def uniform(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return what `Draws.uniform` does."""
        return self._once(super().uniform, "uniform", stream, shape)

    def integers(self, stream: str, high: int, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return what `Draws.integers` does."""
        return self._once(super().integers, "integers", stream, high, shape)

    def words(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return what `Draws.words` does."""
        return self._once(super().words, "words", stream, shape)

    def normal(self, stream: str, shape: tuple[int, ...] = ()) -> torch.Tensor:
        """Return what `Draws.normal` does."""
        return self._once(super().normal, "normal", stream, shape)

    def _once(
        self, draw: Callable[..., torch.Tensor], name: str, *arguments: object
    ) -> torch.Tensor:
        key = (self.key, name, repr(arguments))
        if key not in self.made:
            self.made[key] = draw(*arguments)
        return self.made[key].clone()  # who asks may change it in place


def _signed(number: int) -> int:
    """Return a number modulo 2**64 as one of 64 bits with a sign."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _blocks(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Yield the parts of a table that stay in a core's cache."""
    wide = min(columns, _BLOCK)
    high = max(1, _BLOCK // max(1, wide))
    for top in range(0, rows, high):
        for left in range(0, columns, max(1, wide)):
            yield slice(top, top + high), slice(left, min(left + wide, columns))
