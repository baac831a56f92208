"""Pictures of what attacks did: a few examples of each, for the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from harness.api import Attack, MeasureContext
from harness.api.measuring import Chosen, GalleryExample, Pane, Sheet, call, significant
from harness.api.reporting import counted
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.example_images import Drawn, draw_examples
from harness_attacked.feature_changes import changed_bars, changed_traces
from harness_attacked.options import AdversarialOptions
from harness_attacked.text_changes import changed_text
from harness_attacked.under_attack import AttackedExamples

PERTURBATIONS = (
    "A perturbation is grey where an image stays as it is, and drawn stronger than it is by the "
    "factor below it."
)
FEATURES = "Features are numbered from 0; those that changed most are shown."
SHARES = "A bar is a change as a share of the feature’s range."


@dataclass(frozen=True)
class _Example:
    """A point ``(*shape)`` before and after, on the CPU, its target, and the outputs, such as logits ``(classes,)``, of both."""

    target: Tensor
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
        """Keep a sheet of each attack: of images a picture, of sequences and tables what changed most."""
        if self._options.gallery:
            self._context.save_gallery(self._sheet(label) for label in self._kept)

    def _radius(self, attack: Chosen) -> tuple[str, float]:
        assert isinstance(attack.item, Attack)
        return ("", math.inf) if attack.item.minimum_norm else self._options.radii[0]

    def _look_at(self, outcome: AttackedExamples, rows: list[int]) -> dict[int, _Example]:
        """Return examples by id, with logits; of a nearest perturbation from the batch in which the verdict was found.

        Kernels round differently in batches of other sizes, and a nearest perturbation lies on the edge.
        """
        if not rows:
            return {}
        item, size = outcome.attack.item, self._attacked.batch_size
        assert isinstance(item, Attack)

        def logits(points: Tensor) -> list[Tensor]:
            if not item.minimum_norm:
                return list(self._attacked.logits(points[rows]).cpu())
            batches = {row // size for row in rows}
            found = {k: self._attacked.logits(points[k * size : (k + 1) * size]) for k in batches}
            return [found[row // size][row % size].cpu() for row in rows]

        sizes = outcome.budget.distance(outcome.points[rows], outcome.perturbed[rows]).tolist()
        both = logits(outcome.points), logits(outcome.perturbed)
        return {
            int(outcome.ids[row]): _Example(
                target=outcome.targets[row].cpu(),
                size=norm,
                point=outcome.points[row].cpu(),
                perturbed=outcome.perturbed[row].cpu(),
                logits=clean,
                perturbed_logits=perturbed,
            )
            for row, norm, clean, perturbed in zip(rows, sizes, *both, strict=True)
        }

    def _sheet(self, label: str) -> Sheet:
        kept, task = self._kept[label], self._context.task
        pairs = sorted(kept.examples.items())
        text, _ = self._radius(self._attacks[label])
        title = f"{label}, {self._options.norm} {text or '(nearest)'}"
        if not pairs:
            return Sheet(title=title, count="no example was fooled")
        count = f"the first {{}} of {kept.fooled:,} that it fooled"
        if task.modality != "image":
            examples = tuple(self._numbers(identity, one) for identity, one in pairs)
            bars, changed = (
                any(one.bars for one in examples),
                any(one.traces or one.bars for one in examples),
            )
            return Sheet(
                title=title,
                count=count.format(len(examples)),
                notes=(*((FEATURES,) if changed else ()), *((SHARES,) if bars else ())),
                examples=examples,
            )
        clean, perturbed = (
            torch.stack(points)
            for points in ([e.point for _, e in pairs], [e.perturbed for _, e in pairs])
        )
        images = draw_examples(
            clean,
            perturbed,
            self._attacked.space.low,
            self._attacked.space.high,
            self._drawn(pairs),
        )
        averaged = "" if task.in_channels in (1, 3) else "; mean of the channels"
        drawn = zip(pairs, images.factors, strict=False)  # as many as were drawn
        return Sheet(
            title=title,
            count=count.format(len(images.factors)) + averaged,
            notes=(PERTURBATIONS,),
            examples=tuple(self._pictured(*pair, factor) for pair, factor in drawn),
            picture=images.picture,
        )

    def _pictured(self, identity: int, example: _Example, factor: float | None) -> GalleryExample:
        before, after = self._answers(identity, example)
        times = "none" if factor is None else f"× {significant(factor, 2)}"
        change = Pane(title="perturbation", words=times, said=f"The perturbation, {times}")
        return GalleryExample(
            caption=self._caption(identity, example), panes=(before, change, after)
        )

    def _numbers(self, identity: int, example: _Example) -> GalleryExample:
        task = self._context.task
        if not example.point.is_floating_point():
            return GalleryExample(
                caption=self._caption(identity, example),
                panes=self._answers(identity, example),
                note=changed_text(example.point.tolist(), example.perturbed.tolist(), task.text),
            )
        before, after = (
            self._attacked.space.decode(point.to(self._context.device)).cpu()
            for point in (example.point, example.perturbed)
        )
        shift = (example.perturbed - example.point) * (before != after)  # some features cannot move
        sequence = task.modality == "sequence"
        traces = changed_traces(before, after, shift, task) if sequence else ()
        bars = () if sequence else changed_bars(before, after, shift, task)
        changed = int((shift != 0).reshape(-1, shift.shape[-1]).any(0).sum())
        hidden = changed - len(traces) - len(bars)
        return GalleryExample(
            caption=self._caption(identity, example),
            panes=self._answers(identity, example),
            traces=traces,
            bars=bars,
            note=f"and {counted(hidden, 'more feature')} changed" if hidden > 0 else "",
        )

    def _caption(self, identity: int, example: _Example) -> str:
        return f"example {short_id(identity)}, {self._options.norm} {significant(example.size, 3)}"

    def _drawn(self, pairs: Sequence[tuple[int, _Example]]) -> tuple[Drawn, Drawn] | None:
        """Return what draws the answers into the pictures of both, where answers are drawn; None where they are told."""
        task, item = self._context.task, self._context.task.problem_item
        if item.paint is None or item.answer is None:
            return None

        def drawer(outputs: Sequence[Tensor]) -> Drawn:
            answers = call(item.answer, outputs=torch.stack(list(outputs)))  # type: ignore[arg-type]
            return (
                lambda pictures: call(
                    item.paint,  # type: ignore[arg-type]
                    pictures=pictures,
                    targets=answers[: len(pictures)],
                    task=task,
                )
            )

        both = ([one.logits for _, one in pairs], [one.perturbed_logits for _, one in pairs])
        return drawer(both[0]), drawer(both[1])

    def _answers(self, identity: int, example: _Example) -> tuple[Pane, Pane]:
        """Return what the model answers before and after."""
        if self._context.task.problem_item.paint is not None:
            of = f"Example {short_id(identity)}"
            return (
                Pane(title="clean", said=f"{of} with the answer drawn into it"),
                Pane(title="adversarial", said=f"{of}, attacked, with the answer drawn into it"),
            )
        before, words = self._answer(example.logits)
        after, later = self._answer(example.perturbed_logits)
        of = f"Example {short_id(identity)} of class {self._name(int(example.target))}"
        return (
            Pane(
                title="clean",
                name=before,
                words=words,
                said=f"{of}, taken for {before}, {words}",
            ),
            Pane(
                title="adversarial",
                name=after,
                words=later,
                said=f"Both together, taken for {after}, {later}",
            ),
        )

    def _answer(self, logits: Tensor) -> tuple[str, str]:
        """Return the class of the largest logit and its softmax; "no number" where logits are not finite."""
        answer = int(logits.argmax())
        confidence = float(logits.double().softmax(0)[answer])
        words = f"{100 * confidence:.1f} %" if math.isfinite(confidence) else "no number"
        return self._name(answer), words

    def _name(self, label: int) -> str:
        names = self._context.task.class_names
        return names[label] if label < len(names) else str(label)


def short_id(identity: int) -> str:
    """Return the first eight digits of an id, which is a digest; whole, where it is a small number."""
    return str(identity) if identity < 2**32 else f"{identity:016x}"[:8]
