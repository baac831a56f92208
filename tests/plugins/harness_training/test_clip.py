"""A clipped gradient is within its bound, and otherwise as it was."""

from __future__ import annotations

import torch
from technique_cases import Watch, fitted

from harness.api.training import TrainingHooks
from harness_training.clip import Clip
from harness_training.options import ClipOptions


def gradients(by: str, most: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of a step before and after."""
    before: list[torch.Tensor] = []

    class First(TrainingHooks):
        def begin(self, fitting):
            self.watch = Watch()
            self.watch.begin(fitting)

        def before_step(self):
            self.watch.before_step()
            before.append(self.watch.gradients_seen[-1])

    _, seen, _ = fitted(First, lambda: Clip(ClipOptions(by=by, most=most)), epochs=1)
    return torch.stack(before), torch.stack(seen.gradients_seen)


def test_the_norm_is_bounded_and_the_direction_kept() -> None:
    before, after = gradients("norm", 2.2)
    norms = before.norm(dim=1)
    assert bool((norms > 2.2).any()) and bool((norms < 2.2).any())
    assert bool((after.norm(dim=1) <= 2.2 + 1e-5).all())
    assert torch.equal(before[norms < 2.2], after[norms < 2.2])
    expected = before * (2.2 / norms).clamp(max=1)[:, None]
    assert torch.allclose(after, expected, atol=1e-5)


def test_each_number_is_bounded() -> None:
    before, after = gradients("value", 0.01)
    assert bool((before.abs() > 0.01).any())
    assert torch.equal(after, before.clamp(-0.01, 0.01))


def test_the_bound_is_of_the_gradient_itself_where_losses_are_scaled() -> None:
    """In half precision the loss is scaled by 65,536 at first, and gradients are brought back before they are bounded."""
    _, seen, _ = fitted(lambda: Clip(ClipOptions(most=2.2)), epochs=1, precision="fp16")
    _, plain, _ = fitted(lambda: Clip(ClipOptions(most=2.2)), epochs=1)
    found, expected = torch.stack(seen.gradients_seen), torch.stack(plain.gradients_seen)
    assert bool((found.norm(dim=1) <= 2.2 + 1e-3).all())
    assert torch.allclose(found[0], expected[0], atol=0.02)
