"""The self-audit of robust accuracies: what makes them doubtful, in words.

It looks at the setting, at the model before any attack and at what the attacks found; each check says
its threshold. Where one thing explains another (training mode: randomness; probabilities: gradients that
vanish; a box that does not fit: a radius that does not, a gradient at its edge; guessing: an attack that changes nothing), the
first alone is reported.

All in all the model is asked about some 1,200 examples forward and 600 to 1,600 backward (with PGD in one ball),
whatever the number of examples: 12 % of what PGD of 20 steps asks about 359 of them, 1 to 2 % of 5,000. Each
further attack with `steps` adds `find_more_steps`, which says its cost, and each further ball of an
attack 128 forward passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from harness.api import Attack, Finding, MeasureContext, Metric
from harness.api.measuring import Chosen, mark_doubtful
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.audit_attacks import (
    Rounding,
    find_black_box_lead,
    find_bounded,
    find_more_steps,
)
from harness_attacked.audit_model import (
    Sample,
    Tolerance,
    find_gradients,
    find_modes,
    find_outputs,
)
from harness_attacked.audit_setting import (
    Extent,
    find_chance,
    find_epsilon_unit,
    find_few_classes,
    find_misfit,
    find_outer_normalisation,
    find_outside,
)
from harness_attacked.audit_state import untouched
from harness_attacked.gradient_findings import find_wrong_gradient
from harness_attacked.gradient_look import GradientLook, look_at_gradient
from harness_attacked.options import NetworkOptions
from harness_attacked.under_attack import AttackedExamples

Array = np.ndarray[Any, Any]

SAMPLE, CORRECT = 128, 64  # examples, those with the lowest ids
FLAGGED = ("robust_accuracy", "median_distance")
HIDING = {"zero-gradients", "non-finite-gradients", "probabilities"}
MISSIZED = {"outside-box", "box-misfit", "epsilon-unit"}
WAVERING = {"train-mode", "random-output", "batch-dependent"}


class Audit:
    """Watches the measure, as a witness of its attacks too, and says what it found."""

    def __init__(
        self,
        context: MeasureContext,
        options: NetworkOptions,
        attacks: Sequence[Chosen],
        attacked: AttackedModel,
    ) -> None:
        """Take the attacks that will be run on the model."""
        self._context, self._options = context, options
        self._attacks, self._attacked = attacks, attacked
        self._is_image = context.task.modality == "image"
        self._box = (attacked.space.low, attacked.space.high)
        self._extent = Extent()
        self._sample: Sample | None = None
        self._all: list[tuple[Array, ...]] = []  # ids, targets, correct
        self.gradient = GradientLook(None)  # known once examples were looked at
        self._rounding = Rounding(attacked, self._is_image)

    def see(
        self, inputs: Tensor, points: Tensor, targets: Tensor, ids: Tensor, right: Tensor
    ) -> None:
        """Look at examples before any attack: as data, as points of the space, and which are correct.

        With the first of them the gradient is looked at, if an attack follows it.
        """
        if not self._all and any(_follows(attack) for attack in self._attacks):
            first = (
                right.logical_not().long().argsort(stable=True)
            )  # the correct ones before others
            self.gradient = self._look(points[first], targets[first])
        if self._is_image:
            self._extent = self._extent.including(inputs, self._box)
        self._all.append(tuple(part.cpu().numpy() for part in (ids, targets, right)))
        new = Sample(points, targets, ids, right).lowest(SAMPLE)
        self._sample = new if self._sample is None else self._sample.joined(new).lowest(SAMPLE)

    def __call__(self, outcome: AttackedExamples) -> None:
        """Look at what an attack did in one ball."""
        with untouched(self._attacked.model, self._context.device):
            self._rounding(outcome)

    def findings(self, verdicts: Array, added: Sequence[str]) -> list[Finding]:
        """Return what was found.

        verdicts: ``(epsilons, attacks, n)`` bool, still correct, of all examples by rising id. added: names of the last
        attacks, which were added as the gradient is wrong.
        """
        norm, radii = self._options.norm, self._options.radii
        ids, targets, correct = (np.concatenate(part) for part in zip(*self._all, strict=True))
        order = ids.argsort()
        ids, targets, correct = ids[order], targets[order], correct[order]
        found = self._of_setting(correct, targets)
        of_setting = {finding.code for finding in found}
        verdicts = verdicts[:, : len(self._attacks)]  # without those that were added
        found += self._of_model(ids, verdicts, of_setting, added)
        if not self.gradient.is_wrong:
            found += find_black_box_lead(self._attacks, radii, norm, verdicts)
        if not {finding.code for finding in found} & (MISSIZED | WAVERING):
            found += self._rounding.findings(norm, radii)
        return found

    def _look(self, points: Tensor, targets: Tensor) -> GradientLook:
        asked = self._options.precision
        precision = self._context.precision if asked == "suite" else asked
        look = look_at_gradient(self._context, self._attacked, points, targets, precision)
        if look.said:
            print(f"Gradients: {look.said}", flush=True)
        return look

    def _of_setting(self, correct: Array, targets: Array) -> list[Finding]:
        task = self._context.task
        epsilons = [epsilon for _, epsilon in self._options.radii]
        found = []
        if self._is_image:
            found += find_outside(self._extent, self._box)
            found += find_misfit(self._extent, self._box)
        if not found:
            found += find_chance(correct, targets, task.outputs)
            found += find_epsilon_unit(
                self._options.norm, epsilons, self._box, task.input_shape, self._is_image
            )
        if self._is_image:
            found += find_outer_normalisation(task)
        return found + find_few_classes(self._attacks, task.outputs)

    def _of_model(
        self, ids: Array, verdicts: Array, of_setting: set[str], added: Sequence[str]
    ) -> list[Finding]:
        sample, attacked = self._sample, self._attacked
        assert sample is not None
        with untouched(attacked.model, self._context.device):
            found = find_modes(attacked, sample, Tolerance.of(self._context.precision))
            found += find_outputs(attacked, sample)
            correct = sample.first_right(CORRECT)
            codes = {finding.code for finding in found}
            if not codes & HIDING:
                found += find_gradients(attacked, correct)
                codes = {finding.code for finding in found}
            check = self.gradient.check
            if not codes & HIDING and not (check and check.edges and of_setting & MISSIZED):
                found += find_wrong_gradient(self.gradient, added)
            if not codes & HIDING and "chance" not in of_setting and not self.gradient.is_wrong:
                found += find_bounded(attacked, correct, self._context.task.outputs)
            if not codes & WAVERING and not self.gradient.is_wrong:
                rows = np.searchsorted(ids, sample.first_right(SAMPLE).ids.cpu().numpy())
                found += find_more_steps(
                    attacked,
                    self._attacks,
                    self._options.radii,
                    self._options.norm,
                    verdicts,
                    sample.first_right(SAMPLE),
                    verdicts[:, :, rows],
                )
        return found


def flag(metrics: Iterable[Metric], findings: Sequence[Finding]) -> Iterator[Metric]:
    """Yield metrics; those that tell of robustness with what makes them doubtful in `where["flag"]`."""
    for metric in metrics:
        yield from mark_doubtful([metric], findings if metric.name in FLAGGED else ())


def _follows(attack: Chosen) -> bool:
    return isinstance(attack.item, Attack) and attack.item.access == "gradients"
