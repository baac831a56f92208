"""Examples that need no attack, as a certificate proves that they stand."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from harness.api import Certificate, MeasureContext, NotApplicable
from harness.api.measuring import Chosen, LeftOut, call
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.options import AdversarialOptions


class Prover:
    """The certificates of a measure that hold for its model, norm and data; others are left out with a warning."""

    def __init__(
        self, context: MeasureContext, options: AdversarialOptions, attacked: AttackedModel
    ) -> None:
        """Choose them."""
        self._context, self._options, self._attacked = context, options, attacked
        self._chosen = list(self._choose())

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._chosen)

    def _choose(self) -> Iterator[Chosen]:
        for name in self._options.skip_certified:
            chosen = self._context.choose("certificate", name)
            item, reason = chosen.item, ""
            assert isinstance(item, Certificate)
            if self._options.norm not in item.norms:
                reason = (
                    f"it proves nothing in {self._options.norm}, but in {', '.join(item.norms)}"
                )
            elif self._context.task.modality not in item.takes:
                reason = f"it takes {', '.join(item.takes)}, not {self._context.task.modality}"
            elif not self._context.task.problem_item.default:
                reason = f"it is not for {self._context.task.problem}"
            elif self._context.precision != "fp32":
                reason = f"proofs are of the model in fp32, not {self._context.precision}"
            if reason:
                _leave_out(chosen, reason)
            else:
                yield chosen

    def prove(self, points: Tensor, targets: Tensor) -> Tensor:
        """Return which examples are proved to stand, ``(epsilons, batch)`` bool, in the order of the options.

        points, targets: those that are answered correctly, which is all that a ball of radius 0 asks. Who is not proved in a ball is not
        asked about in larger ones.
        """
        radii = [epsilon for _, epsilon in self._options.radii]
        proved = torch.zeros(len(radii), len(points), dtype=torch.bool, device=points.device)
        for chosen in tuple(self._chosen):
            left = torch.arange(len(points), device=points.device)
            for place in sorted(range(len(radii)), key=lambda place: radii[place]):
                if radii[place] == 0:
                    proved[place] = True
                elif len(left):
                    left = left[self._certify(chosen, radii[place], points[left], targets[left])]
                    proved[place, left] = True
        return proved

    def _certify(self, chosen: Chosen, epsilon: float, points: Tensor, targets: Tensor) -> Tensor:
        assert isinstance(chosen.item, Certificate)
        try:
            found: Tensor = call(
                chosen.item.certify,
                model=self._context.model,
                inputs=points,
                targets=targets,
                budget=self._attacked.budget(self._options.norm, epsilon),
                options=chosen.model(),
            )
        except NotApplicable as reason:
            self._chosen.remove(chosen)
            _leave_out(chosen, str(reason))
            return torch.zeros(len(points), dtype=torch.bool, device=points.device)
        return found


def _leave_out(chosen: Chosen, reason: str) -> None:
    warnings.warn(f"certificate {chosen.label} is left out: {reason}", LeftOut, stacklevel=1)
