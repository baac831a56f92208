"""The layers of a network from its inputs on, as its names tell them."""

from __future__ import annotations

from collections.abc import Iterable


def block_of(name: str) -> str:
    """Return the layer that a parameter or module belongs to: what its name says up to the last of the numbers that come first.

    "net.blocks.3.attn.qkv" is of "net.blocks.3", "net.layer1.0.conv1" of "net.layer1.0", and "net.head" of itself.
    """
    words = name.split(".")
    first = next((place for place, word in enumerate(words) if word.isdigit()), len(words) - 1)
    while first + 1 < len(words) and words[first + 1].isdigit():
        first += 1
    return ".".join(words[: first + 1])


def blocks_of(names: Iterable[str]) -> list[str]:
    """Return the layers in the order in which they are registered, each once."""
    return list(dict.fromkeys(map(block_of, names)))
