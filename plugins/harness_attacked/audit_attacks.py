"""Checks of attacks: against black-box ones, with more steps, without a bound, and in 8 bits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from harness.api import Attack, Budget, Draws, Finding
from harness.api.measuring import Chosen, derive, wilson
from harness.api.reporting import counted
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.audit_model import Sample
from harness_attacked.audit_setting import percent
from harness_attacked.audit_state import ask
from harness_attacked.under_attack import AttackedExamples

Array = np.ndarray[Any, Any]

LEAD = 0.002  # of all examples, that a black-box attack breaks more
Z99 = 2.5758293035489004  # the standard normal's 99.5th percentile; several balls are looked at
MORE, ENOUGH, LEAST = 5, 40, 2  # times the steps, up to so many in all; beyond them so many times
FEWEST = 8  # examples that say something
MOST = 32  # robust examples that more steps are tried on
STANDING_SHARE = 0.03  # of the robust ones
LEFT_SHARE = 0.1  # of examples that stay robust although the ball holds everything
LOST_SHARE = 0.05  # of examples, beyond chance
POINT = 0.01  # of robust accuracy
RUNS, STEPS = 3, 20  # of the unbounded attack
STEP, NOISE = 1 / 8, 1 / 16  # of its box's width
ROUNDED = 64  # examples of a ball that are rounded


def find_black_box_lead(
    attacks: Sequence[Chosen], radii: Sequence[tuple[str, float]], norm: str, verdicts: Array
) -> list[Finding]:
    """Say which attack without access to gradients fools more than all that follow gradients together.

    In one ball, by more than 0.2 points of robust accuracy, and of the examples that only one side breaks it
    breaks more than half beyond chance (99 %). Gradients hold all that a small step does, so
    they are then masked, or those attacks are too weak.

    verdicts: ``(epsilons, attacks, n)`` bool, still correct.
    """
    access = [attack.item.access for attack in attacks if isinstance(attack.item, Attack)]
    white = [a for a, word in enumerate(access) if word == "gradients"]
    found = []
    for a, attack in enumerate(attacks):
        if a in white or not white:
            continue
        for (text, _), robust in zip(radii, verdicts, strict=True):
            follows = robust[white].all(axis=0)
            ahead, behind = int((follows & ~robust[a]).sum()), int((~follows & robust[a]).sum())
            n, differing = len(follows), max(ahead + behind, 1)
            if ahead - behind <= LEAD * n or wilson(ahead / differing, differing, Z99)[0] <= 0.5:
                continue
            found.append(
                Finding(
                    code="black-box-lead",
                    sentence=f"In {norm} {text} {attack.label}, which needs no gradient, leaves "
                    f"{percent(robust[a].mean())} correct and the attacks by gradients together "
                    f"{percent(follows.mean())}: it breaks {ahead} of {n} examples that they do not, they "
                    f"{behind} that it does not.",
                    advice="Gradients are masked, or the attacks that follow them are too weak: give those more "
                    "steps and restarts, add apgd-t or autoattack, and look for what hides gradients.",
                    numbers={"ahead": ahead, "behind": behind, "examples": n},
                    flag="a black-box attack beats those by gradients",
                )
            )
            break
    return found


def find_more_steps(
    attacked: AttackedModel,
    attacks: Sequence[Chosen],
    radii: Sequence[tuple[str, float]],
    norm: str,
    verdicts: Array,
    sample: Sample,
    robust: Array,
) -> list[Finding]:
    """Say which attack breaks more with more steps: 5 times as many up to 40, or else twice as many.

    Of an attack with an option `steps` that has to stay in a ball, robust examples are attacked again, from
    the same start, which takes all its steps, and no other, in the first ball in which eight of the sample were robust: 3 % of those that
    were, eight at least and 32 at most. It is found where more than 5 % of those are fooled, and by that the robust
    accuracy is more than a point too high, both beyond chance (95 %). Cost: 6 % to 15 % of the attack's own
    gradients in one ball where 270 or more are robust, at most 160 times its steps (64 times from 20 steps on); of one whose
    starts are given up some three times that share.

    verdicts: ``(epsilons, attacks, n)``. sample, robust: correct examples, and their verdicts
    ``(epsilons, attacks, len(sample))``.
    """
    found = []
    for a, attack in enumerate(attacks):
        longer = _lengthen(attack)
        for k, (text, epsilon) in enumerate(radii if longer else ()):
            rows = torch.from_numpy(np.flatnonzero(robust[k, a])).to(sample.points.device)
            share = float(verdicts[k, a].mean())
            if len(rows) < FEWEST or epsilon == 0 or longer is None:
                continue
            rows = rows[: min(MOST, max(FEWEST, int(STANDING_SHARE * verdicts[k, a].sum())))]
            given = (sample.points[rows], sample.targets[rows], sample.ids[rows])
            perturbed = attacked.attack(longer, attacked.budget(norm, epsilon), *given)
            fooled = ~attacked.correct(perturbed, given[1]).cpu().numpy()
            surely = wilson(float(fooled.mean()), len(rows))[0]
            if surely > LOST_SHARE and surely * share > POINT:
                worst = robust[k].all(axis=0)[rows.cpu().numpy()]
                concerned = [attack.label, *(["worst case"] if (fooled & worst).any() else [])]
                found.append(
                    _more_steps(longer, attack, f"{norm} {text}", fooled, share, concerned)
                )
            break
    return found


def _lengthen(attack: Chosen) -> Chosen | None:
    """Return the attack with more steps and the same draws; None where that makes no sense."""
    item, steps = attack.item, attack.options.get("steps")
    if not isinstance(item, Attack) or item.options is None or not isinstance(steps, int):
        return None
    if item.minimum_norm or item.access != "gradients":
        return None
    options = {**attack.options, "steps": max(LEAST * steps, min(MORE * steps, ENOUGH))}
    if "restarts" in options:
        options["restarts"] = 1
    if "give_up" in options:
        options["give_up"] = "never"  # or what such starts miss would be missed again
    try:
        item.options.model_validate(options)
    except ValidationError:
        return None
    return dataclasses.replace(attack, options=options)


def _more_steps(
    longer: Chosen, attack: Chosen, ball: str, fooled: Array, share: float, concerned: list[str]
) -> Finding:
    steps, more = attack.options["steps"], longer.options["steps"]
    newly_fooled, n = int(fooled.sum()), len(fooled)
    points = 100 * share * wilson(newly_fooled / n, n)[0]
    return Finding(
        code="more-steps",
        sentence=f"With {more} instead of {counted(steps, 'step')} {attack.label} breaks {newly_fooled} of {n} robust examples "
        f"in {ball}, so the robust accuracy of {percent(share)} is too high by {points:.1f} points or more.",
        advice=f"Give it more steps until nothing changes, {more} or more, or take an attack that adapts its step, "
        "such as apgd-ce.",
        numbers={
            "steps": steps,
            "more_steps": more,
            "newly_fooled": newly_fooled,
            "examples": n,
            "points": points,
        },
        flag="more steps would break more",
        where={"attack": concerned},
    )


def find_bounded(attacked: AttackedModel, sample: Sample, classes: int) -> list[Finding]:
    """Say that gradients lead to no mistake even where an input may become any other.

    Up to 3 runs of 20 signed steps of an eighth of the box's width, each from the input with a little noise;
    the steps go 2.5 times through the box. It is found where more stay robust than by guessing, or more than one
    in ten; other models were fooled on all, in the first run.

    Carlini et al. 2019, "On evaluating adversarial robustness", arXiv:1902.06705, section 4.
    """
    n = len(sample.ids)
    if n < FEWEST:
        return []
    low, high = attacked.space.low, attacked.space.high
    width, shape = high - low, tuple(sample.points.shape[1:])
    remaining = torch.arange(n, device=sample.points.device)
    for run in range(RUNS):
        draws = Draws(derive(attacked.seed, "audit", run), sample.ids[remaining])
        noise = (2 * draws.uniform("start", shape) - 1).to(sample.points.dtype)
        inputs = (sample.points[remaining] + NOISE * width * noise).clamp(low, high)
        for _ in range(STEPS):
            targets = sample.targets[remaining]
            logits, gradient = ask(attacked, inputs, targets)
            right = (logits.argmax(1) == targets) & logits.isfinite().all(1)
            remaining, inputs, gradient = remaining[right], inputs[right], gradient[right]
            if not len(remaining):
                return []
            inputs = (inputs + STEP * width * gradient.nan_to_num(0.0).sign()).clamp(low, high)
    if len(remaining) <= n * min(1.0 / classes, LEFT_SHARE):
        return []
    return [
        Finding(
            code="unbounded",
            sentence=f"Of {n} examples {len(remaining)} stay correct under an attack by gradients that may change "
            "them as much as it likes, where none should: its gradients lead nowhere.",
            advice="Look for what makes gradients useless (noise, a stand-in for a derivative, a branch), attack "
            "through a smooth model of it, or add attacks that only see outputs, such as square.",
            numbers={"examples": n, "remaining": len(remaining)},
            flag="an attack without bounds fails",
        )
    ]


class Rounding:
    """A witness that rounds fooled images to 8 bits and asks the model again.

    Of each attack and ball up to 64 examples with the lowest ids are asked about: two forward passes each, in Linf three (see
    `_round`). Nearest perturbations are left out, as they lie at the very edge.
    """

    def __init__(self, attacked: AttackedModel, is_image: bool) -> None:
        """Take the model; where its data are not images in [0, 1] or [0, 255], nothing is done."""
        space = attacked.space
        self._attacked = attacked
        self._active = is_image and space.low == 0 and space.high in (1.0, 255.0)
        self._fools: dict[float, dict[int, bool]] = {}  # by radius and id: still, under any attack
        self._asked: dict[tuple[float, str], int] = {}

    def __call__(self, outcome: AttackedExamples) -> None:
        """Look at what an attack did in one ball."""
        epsilon = outcome.budget.epsilon
        asked = self._asked.get((epsilon, outcome.attack.label), 0)
        if not self._active or not math.isfinite(epsilon) or epsilon == 0 or asked >= ROUNDED:
            return
        (fooled,) = (~outcome.right).nonzero(as_tuple=True)
        fooled = fooled[outcome.ids[fooled].argsort()][: ROUNDED - asked]
        if not len(fooled):
            return
        self._asked[epsilon, outcome.attack.label] = asked + len(fooled)
        fools = torch.zeros(len(fooled), dtype=torch.bool, device=fooled.device)
        level = self._attacked.space.high / 255
        for images in _round(
            outcome.points[fooled], outcome.perturbed[fooled], level, outcome.budget
        ):
            fools |= ~self._attacked.correct(images, outcome.targets[fooled])
        known = self._fools.setdefault(epsilon, {})
        for example, still in zip(outcome.ids[fooled].tolist(), fools.tolist(), strict=True):
            known[example] = still or known.get(example, False)

    def findings(self, norm: str, radii: Sequence[tuple[str, float]]) -> list[Finding]:
        """Say in which balls more than 5 % of eight fooled or more are fooled no longer, beyond chance (95 %).

        Fooled no longer: by no attack, in neither rounding. A few may be, as an example leaves as soon as it is
        fooled, which is near the edge.
        """
        found = []
        for text, epsilon in radii:
            fools = list(self._fools.get(epsilon, {}).values())
            asked, lost = len(fools), fools.count(False)
            if asked < FEWEST or wilson(lost / asked, asked)[0] <= LOST_SHARE:
                continue
            levels = epsilon / self._attacked.space.high * 255
            size = f" ({levels:.3g} grey levels)" if norm == "linf" else ""
            found.append(
                Finding(
                    code="rounding",
                    sentence=f"Rounded to 8 bits, {lost} of {asked} images that fool the model in {norm} {text}"
                    f"{size} fool it no longer.",
                    advice="If attackers hand in 8-bit images, judge rounded ones, or take radii of whole grey "
                    "levels; the figure holds for real-valued inputs.",
                    numbers={"asked": asked, "lost": lost, "levels": levels},
                    flag="lost when rounded to 8 bits",
                    where={"epsilon": epsilon},
                )
            )
        return found


def _round(points: Tensor, perturbed: Tensor, level: float, budget: Budget) -> list[Tensor]:
    """Return images at the nearest grey levels, and as one who hands in such images would use the ball up.

    At the levels nearest to the perturbation stretched to the ball's edge, as what fools may be of a smaller ball; in Linf also
    at the next levels outwards, if a half level more than epsilon allows them, which is what the nearest may take, too.
    """
    nearest = (perturbed / level).round() * level
    if budget.norm == "l0":
        return [nearest]
    delta = perturbed - points
    stretch = budget.epsilon / budget.size(delta).clamp_min(1e-12)
    edge = points + delta * stretch.view(-1, *[1] * (delta.dim() - 1))
    rounded = [nearest, (edge.clamp(budget.low, budget.high) / level).round() * level]
    if budget.norm != "linf":
        return rounded
    levels = perturbed / level
    outwards = torch.where(perturbed > points, (levels - 1e-3).ceil(), (levels + 1e-3).floor())
    outwards = (outwards * level).clamp(budget.low, budget.high)
    allowed = (outwards - points).abs() <= budget.epsilon + 0.501 * level
    return [*rounded, torch.where(allowed & (perturbed != points), outwards, nearest)]
