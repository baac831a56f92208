"""What is said of a gradient that is not the model's own."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import Finding
from harness.api.measuring import GradientCheck
from harness_attacked.audit_setting import percent
from harness_attacked.gradient_look import GradientLook

CODE = "wrong-gradients"


def find_wrong_gradient(look: GradientLook, added: Sequence[str] = ()) -> list[Finding]:
    """Say how much of the gradient is wrong, in which module, and what that makes of the figures.

    added: names of the attacks that do not rely on it and were added.
    """
    if look.check is None or look.check.agrees:
        return []
    beside = f" Added to the worst case: {', '.join(added)}." if added else ""
    if look.check.edges:
        return [_edge(look, look.check, beside)]
    check = look.check
    rises = (
        "the loss rises where autograd says that nothing changes it"
        if check.rise == float("inf")
        else f"the loss rises {check.rise:.2f} times what autograd says"
    )
    missing = f"; {percent(min(check.wrong, 99.0))} of the slope is wrong or missing"
    where = f" The fault is in {look.module}." if look.module else ""
    why = " The function has steps, whose derivative is 0." if check.steps else ""
    said = f" ({look.said}.)" if look.said else ""
    return [
        Finding(
            code=CODE,
            sentence=f"The gradient is not the model's own: along its sign {rises}{missing}, at {look.examples} "
            f"examples.{where}{why} Attacks that follow it find too little, so robust figures are upper bounds.{beside}{said}",
            advice="Look there for detach, no_grad, rounding, int8 activations or a backward of its own; judge by "
            "attacks that need no gradient, or by examples made on a model whose gradient is whole.",
            numbers={
                "rise": min(max(check.rise, -1e9), 1e9),
                "wrong": min(check.wrong, 1e9),
                "examples": look.examples,
            },
            flag="an upper bound: gradients are not the model's",
        )
    ]


def _edge(look: GradientLook, check: GradientCheck, beside: str) -> Finding:
    ends = " and ".join("the lower end" if side == 1 else "the upper end" for side in check.edges)
    if check.rise == float("inf"):
        rise = "changes the loss where autograd says that nothing does"
        follows = (
            "No step by it takes a value from there: an attack that starts at random has moved about half of them and keeps "
            "each that comes back where it is, one that starts at the example moves none"
        )
    else:
        rise = f"changes the loss {check.rise:.2f} times what autograd says"
        follows = "Attacks that follow it misjudge such values"
    return Finding(
        code=CODE,
        sentence=f"The gradient is not the model's own at {ends} of the box: moving a value from there inside {rise} "
        f"({percent(look.edge)} of the values of {look.examples} examples lie at its ends). The fault is in {look.module}. "
        f"{follows}, so robust figures are upper bounds.{beside}",
        advice="Look for a relu, abs or hardtanh of the input, whose derivative is 0 at its corner, and leave it out, as inputs "
        "are in the box anyway, or write torch.clamp, which has the derivative from inside; or judge by attacks that "
        "need no gradient.",
        numbers={
            "rise": min(max(check.rise, -1e9), 1e9),
            "wrong": min(check.wrong, 1e9),
            "edge": look.edge,
            "examples": look.examples,
        },
        flag="an upper bound: gradients are not the model's",
    )
