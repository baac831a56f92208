"""What each edit would change of a model's margin, to first order, by the gradient at what it makes of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import NotApplicable, differentiable_recurrence
from harness_attacks.edits.moves import DELETE, INSERT, SUBSTITUTE, SWAP, Alphabet

MOST_MADE = 2**28  # numbers that a layer without a table of its own may make of all tokens: 1 GiB


@dataclass
class _Seen:
    """The layer that first makes real numbers of tokens, and what it made, as a leaf."""

    layer: nn.Module | None = None
    made: Tensor | None = None


@contextmanager
def _watched(model: nn.Module, rows: Tensor) -> Iterator[_Seen]:
    seen = _Seen()

    def hook(layer: nn.Module, given: tuple[Any, ...], made: Any) -> Any:
        whole = bool(given) and isinstance(given[0], Tensor) and not given[0].is_floating_point()
        whole = whole and given[0].shape == rows.shape  # positions are whole numbers too
        real = isinstance(made, Tensor) and made.is_floating_point()
        if seen.layer is not None or not whole or not real:
            return None
        seen.layer, seen.made = layer, made.detach().requires_grad_()
        return seen.made

    layers = [layer for layer in model.modules() if layer is not model and not [*layer.children()]]
    hooks = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield seen
    finally:
        for one in hooks:
            one.remove()


def margins(logits: Tensor, targets: Tensor) -> Tensor:
    """Return by how much the largest other logit exceeds that of the target ``(batch,)``: above 0 it is fooled."""
    own = logits.gather(1, targets[:, None])[:, 0]
    others = logits.scatter(1, targets[:, None], -torch.inf)
    return others.amax(1) - own


def worth_of_tokens(model: nn.Module, rows: Tensor, targets: Tensor, vocabulary: int) -> Tensor:
    """Return what each token at each place adds to the margin, to first order: ``(batch, time, vocabulary)``.

    The layer that first makes real numbers of tokens is taken for one that makes of a row either something for each
    place, as an embedding does, or a sum over places, as a bag of words does.

    Raises:
        NotApplicable: The model is compiled. No layer does, or it makes too much of all tokens to be held.
    """
    if any(name.endswith("_orig_mod") for name, _ in model.named_modules()):
        raise NotApplicable(
            "a model under torch.compile does not show what its layers make of tokens, so nothing has a gradient: leave out "
            "compile=true, or take an attack without gradients, such as deepwordbug"
        )
    with torch.enable_grad(), differentiable_recurrence(model), _watched(model, rows) as seen:
        total = margins(model(rows).float(), targets).sum()
        if seen.made is None or seen.layer is None:
            raise NotApplicable(
                "the model has no layer of its own that makes real numbers of tokens, such as an embedding, so nothing has a "
                "gradient"
            )
        (gradient,) = torch.autograd.grad(total, seen.made)
    return _times(seen.layer, gradient.detach(), rows.shape[1], vocabulary)


def _times(layer: nn.Module, gradient: Tensor, steps: int, vocabulary: int) -> Tensor:
    """Return the product of a gradient ``(batch, ...)`` with what the layer makes of each token."""
    width = gradient[0].numel()
    if not isinstance(layer, nn.Embedding) and vocabulary * width > MOST_MADE:
        raise NotApplicable(
            f"the gradient takes what the model's first layer makes of each of {vocabulary:,} tokens, {width:,} numbers of "
            "each, which is too much to hold: take a smaller vocabulary, or an attack without gradients, such as deepwordbug"
        )
    table: Tensor = _table(layer, steps, vocabulary, gradient.device)
    if isinstance(layer, nn.Embedding):
        return gradient @ table.to(gradient.dtype).T
    flat = gradient.float().reshape(len(gradient), -1)
    if table.dim() == 2:  # of a sum over places
        return (flat @ table.T)[:, None].expand(-1, steps, -1)
    each = gradient.float().reshape(len(gradient), steps, -1)
    return torch.einsum("btd,vtd->btv", each, table)


def _table(layer: nn.Module, steps: int, size: int, device: torch.device) -> Tensor:
    """Return what a layer makes of each token: ``(vocabulary, width)``, or ``(vocabulary, time, width)`` at each place."""
    if isinstance(layer, nn.Embedding):
        return layer.weight.detach()
    with torch.no_grad():
        constant = torch.arange(size, device=device)[:, None].expand(-1, steps).contiguous()
        made = layer(constant).float()
        other = constant[:1].clone()
        other[:, 0] = size - 1
        rest = made.shape[1] == steps and bool((layer(other)[:, 1:] == made[:1, 1:]).all())
    found: Tensor = made.reshape(size, steps, -1) if rest else made.reshape(size, -1) / steps
    return found


def gains(worth: Tensor, rows: Tensor, alphabet: Alphabet) -> dict[int, Tensor]:
    """Return how much each edit would add: ``(batch, time, letters)`` of substitutions and insertions, else ``(batch, time)``.

    worth: ``(batch, time, vocabulary)``. An insertion and a deletion move all that follow.
    """
    own = _of(worth, rows)
    written = worth[..., alphabet.tokens]
    end = torch.full_like(rows[:, :1], 0 if alphabet.padding is None else alphabet.padding)
    later, sooner = torch.cat([rows[:, :1], rows[:, :-1]], 1), torch.cat([rows[:, 1:], end], 1)
    moved_on, moved_up = _of(worth, later) - own, _of(worth, sooner) - own
    behind = _from_here(moved_on)
    behind = torch.cat([behind[:, 1:], torch.zeros_like(behind[:, :1])], 1)
    swapped = moved_up + torch.cat([moved_on[:, 1:], torch.zeros_like(own[:, :1])], 1)
    return {
        SUBSTITUTE: written - own[..., None],
        INSERT: written - own[..., None] + behind[..., None],
        DELETE: _from_here(moved_up),
        SWAP: swapped,
    }


def _of(worth: Tensor, rows: Tensor) -> Tensor:
    return worth.gather(2, rows[..., None])[..., 0]


def _from_here(values: Tensor) -> Tensor:
    """Return the sum of each value and all that follow."""
    return values.flip(1).cumsum(1).flip(1)
