"""What attacks a model beside the suite's attacks, where the gradient that those follow is not its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from harness.api import Attack, MeasureContext
from harness.api.measuring import Chosen
from harness_attacked.attack_choice import why_not
from harness_attacked.attack_preparation import Preparations
from harness_attacked.attack_space import InSpace
from harness_attacked.attacked_model import AttackedModel, Cast
from harness_attacked.gradient_look import look_at_gradient
from harness_attacked.options import AdversarialOptions
from harness_attacked.whole_gradient import WholeGradient

STAND_IN = "on a stand-in"
INSIDE = 1e-4  # of the box's width, that a stand-in takes points further inside


@dataclass(frozen=True)
class Contender:
    """An attack, and what it computes with; the model itself has the last word."""

    attack: Chosen
    attacked: AttackedModel


def add_contenders(
    context: MeasureContext,
    options: AdversarialOptions,
    attacks: Sequence[Chosen],
    attacked: AttackedModel,
    points: Tensor,
    targets: Tensor,
) -> list[Contender]:
    """Return the attacks of `options.instead`, and those by gradients of the suite on a stand-in for the model.

    The stand-in computes the same with a gradient that is whole, a hair further inside the box, where the kinks of a model at its
    very edge do not reach; where its gradient is wrong too, it is left out. What fools
    it counts only if it fools the model. What is left out is said in the job's log.

    points, targets: with which the stand-in's gradient is looked at.
    """
    found = []
    labels = {attack.label for attack in attacks}
    for name in options.instead:
        chosen = context.choose("attack", name)
        if reason := why_not(context, chosen, options.norm):
            print(f"not added: {reason}", flush=True)
        elif chosen.label not in labels:
            labels.add(chosen.label)
            found.append(Contender(chosen, attacked))
    follow = [a for a in attacks if isinstance(a.item, Attack) and a.item.access == "gradients"]
    stand_in = _stand_in(context, options, attacked, points, targets) if options.instead else None
    if stand_in is not None:
        found += [
            Contender(dataclasses.replace(a, label=f"{a.label} {STAND_IN}"), stand_in)
            for a in follow
        ]
    for one in found:
        print(f"added, as the gradient is not the model's own: {one.attack.label}", flush=True)
    return found


def _stand_in(
    context: MeasureContext,
    options: AdversarialOptions,
    attacked: AttackedModel,
    points: Tensor,
    targets: Tensor,
) -> AttackedModel | None:
    try:
        whole = WholeGradient(context.model)
        space = attacked.space.drawn_in(INSIDE)
        seen = InSpace(Cast(whole, context.autocast), space)
        alone = dataclasses.replace(attacked, model=seen, seen=seen, space=space)
        look = look_at_gradient(
            dataclasses.replace(context, model=whole), alone, points, targets, context.precision
        )
    except Exception as error:  # whatever a model's code raises that is run in another way
        print(f"no stand-in: {type(error).__name__}: {error}", flush=True)
        return None
    if look.check is None or look.is_wrong:
        print(f"no stand-in: {look.said or 'its gradient is wrong, too'}", flush=True)
        return None
    return dataclasses.replace(
        attacked,
        seen=seen,
        lowered=True,
        preparations=Preparations(context, attacked.space, options),
    )
