"""Pictures of what attacks did: a few examples of each, for the report."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from harness.api import Attack, MeasureContext
from harness.api.measuring import Chosen
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.feature_changes import list_changes, list_curves
from harness_attacked.image_strips import GAP, draw_strips
from harness_attacked.options import AdversarialOptions
from harness_attacked.under_attack import AttackedExamples

FORMAT_VERSION = 1


@dataclass(frozen=True)
class _Example:
    """A point ``(*shape)`` before and after, on the CPU, and the logits ``(classes,)`` of both."""

    target: int
    size: float
    point: Tensor
    perturbed: Tensor
    logits: Tensor
    perturbed_logits: Tensor


@dataclass
class _Kept:
    """The examples of one attack, by id, and how many it fooled in all."""

    examples: dict[int, _Example] = field(default_factory=dict)
    fooled: int = 0


class GalleryWriter:
    """A witness that keeps each attack's first fooled examples, and writes pictures of them.

    An attack is looked at in the ball of the suite's first epsilon, a minimum-norm attack at the nearest
    perturbations that it found. The examples with the lowest ids are kept.
    """

    def __init__(
        self,
        context: MeasureContext,
        options: AdversarialOptions,
        attacks: Sequence[Chosen],
        attacked: AttackedModel,
    ) -> None:
        """Take the attacks that will be run on the model."""
        self._context, self._options, self._attacked = context, options, attacked
        self._kept = {attack.label: _Kept() for attack in attacks}
        self._attacks = {attack.label: attack for attack in attacks}

    def __call__(self, outcome: AttackedExamples) -> None:
        """Look at what an attack did in one ball."""
        if not self._options.gallery or outcome.budget.epsilon != self._radius(outcome.attack)[1]:
            return
        kept = self._kept[outcome.attack.label]
        ids = outcome.ids.cpu()
        (fooled,) = torch.nonzero(~outcome.right.cpu(), as_tuple=True)
        kept.fooled += len(fooled)
        first = fooled[ids[fooled].argsort()][: self._options.gallery].tolist()
        wanted = sorted({*kept.examples, *ids[first].tolist()})[: self._options.gallery]
        found = self._look_at(outcome, sorted(row for row in first if int(ids[row]) in wanted))
        kept.examples = {identity: (kept.examples | found)[identity] for identity in wanted}

    def save(self) -> None:
        """Write ``gallery.json`` and, of images, ``gallery_<a>.png`` of the a-th attack.

        The JSON holds a list with an entry for each attack: where its picture's parts lie, and of
        each example its id, true class, the answers and confidences before and after, and the size of the
        perturbation in the norm. Sequences and tables have the numbers of their charts there instead.
        """
        if not self._options.gallery:
            return
        entries = [self._entry(place, label) for place, label in enumerate(self._kept)]
        text = json.dumps(
            {"format_version": FORMAT_VERSION, "galleries": entries}, indent=1, allow_nan=False
        )
        (self._context.folder / "gallery.json").write_text(text + "\n", encoding="utf-8")

    def _radius(self, attack: Chosen) -> tuple[str, float]:
        assert isinstance(attack.item, Attack)
        return ("", math.inf) if attack.item.minimum_norm else self._options.radii[0]

    def _look_at(self, outcome: AttackedExamples, rows: list[int]) -> dict[int, _Example]:
        """Return examples by id, with logits from the batches in which the verdicts were found.

        Kernels round differently in batches of other sizes, and a nearest perturbation lies on the edge.
        """
        size = self._attacked.batch_size
        sizes = outcome.budget.size(outcome.perturbed[rows] - outcome.points[rows]).tolist()
        found = {}
        for batch, group in itertools.groupby(
            zip(rows, sizes, strict=True), lambda one: one[0] // size
        ):
            whole = slice(batch * size, (batch + 1) * size)
            logits = self._attacked.logits(outcome.points[whole]).cpu()
            perturbed_logits = self._attacked.logits(outcome.perturbed[whole]).cpu()
            for row, norm in group:
                found[int(outcome.ids[row])] = _Example(
                    target=int(outcome.targets[row]),
                    size=norm,
                    point=outcome.points[row].cpu(),
                    perturbed=outcome.perturbed[row].cpu(),
                    logits=logits[row % size],
                    perturbed_logits=perturbed_logits[row % size],
                )
        return found

    def _entry(self, place: int, label: str) -> dict[str, Any]:
        kept = self._kept[label]
        examples = sorted(kept.examples.items())
        text, epsilon = self._radius(self._attacks[label])
        entry: dict[str, Any] = {
            "attack": label,
            "norm": self._options.norm,
            "epsilon": epsilon if math.isfinite(epsilon) else None,
            "epsilon_text": text,
            "fooled": kept.fooled,
        }
        described = [self._describe(identity, example) for identity, example in examples]
        if self._context.task.modality == "image" and examples:
            drawing, factors = self._draw(f"gallery_{place}.png", [one for _, one in examples])
            entry["picture"] = drawing
            described = [
                words | {"factor": factor}
                for words, factor in zip(described, factors, strict=False)  # as many as were drawn
            ]
        return entry | {"examples": described}

    def _draw(
        self, name: str, examples: list[_Example]
    ) -> tuple[dict[str, Any], tuple[float | None, ...]]:
        task, space = self._context.task, self._attacked.space
        clean, perturbed = (
            torch.stack(points)
            for points in ([e.point for e in examples], [e.perturbed for e in examples])
        )
        strips = draw_strips(clean, perturbed, space.low, space.high)
        (self._context.folder / name).write_bytes(strips.png)
        drawing = {
            "file": name,
            "width": strips.width,
            "height": strips.height,
            "gap": GAP,
            "enlarged": strips.enlarged,
            "averaged": task.in_channels not in (1, 3),
        }
        return drawing, strips.factors

    def _describe(self, identity: int, example: _Example) -> dict[str, Any]:
        words: dict[str, Any] = {
            "id": identity,
            "true": self._name(example.target),
            "clean": self._answer(example.logits),
            "adversarial": self._answer(example.perturbed_logits),
            "size": example.size,
        }
        task = self._context.task
        if task.modality == "image":
            return words
        before, after = (
            self._attacked.space.decode(point.to(self._context.device)).cpu()
            for point in (example.point, example.perturbed)
        )
        shift = (example.perturbed - example.point) * (before != after)  # some features cannot move
        words["changed"] = int((shift != 0).reshape(-1, shift.shape[-1]).any(0).sum())
        if task.modality == "sequence":
            return words | {"curves": list_curves(before, after, shift, task)}
        return words | {"changes": list_changes(before, after, shift, task)}

    def _answer(self, logits: Tensor) -> dict[str, Any]:
        """Return the class of the largest logit and its softmax; no confidence where logits are not finite."""
        answer = int(logits.argmax())
        confidence = float(logits.double().softmax(0)[answer])
        return self._name(answer) | {
            "confidence": confidence if math.isfinite(confidence) else None
        }

    def _name(self, label: int) -> dict[str, Any]:
        names = self._context.task.class_names
        return {"class": label, "name": names[label] if label < len(names) else str(label)}
