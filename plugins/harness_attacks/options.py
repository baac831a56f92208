"""The attacks' options; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.api import Options


class AttackOptions(Options):
    """Unknown names are errors, and values do not change."""


class BimOptions(AttackOptions):
    """Options of ``bim``."""

    steps: int = Field(10, description="gradient steps", ge=1, le=100_000)
    step_size: float | None = Field(
        None, description="length of a step as a share of epsilon; default 1 / steps", gt=0, le=2
    )

    @property
    def relative_step(self) -> float:
        """The length of a step as a share of epsilon."""
        return 1.0 / self.steps if self.step_size is None else self.step_size


class MiFgsmOptions(BimOptions):
    """Options of ``mi-fgsm``."""

    decay: float = Field(1.0, description="share of the gathered gradient that is kept", ge=0)


class PgdOptions(AttackOptions):
    """Options of ``pgd``. Peers' defaults differ, so say steps and step size beside a figure."""

    steps: int = Field(20, description="gradient steps from each start", ge=1, le=100_000)
    step_size: float = Field(0.25, description="length of a step as a share of epsilon", gt=0, le=2)
    restarts: int = Field(1, description="starts; the fooled leave after each", ge=1, le=10_000)
    random_start: bool = Field(
        True, description="start uniformly in the ball; false: at the example itself"
    )
    give_up: Literal["never", "restarts", "all"] = Field(
        "never",
        description="which starts end early where twice the pace of their last 4 steps, or 16 times what a linear loss could gain yet, "
        "would not fool the model: none, those after the first, or all; where gradients are masked, more would stand",
    )


class ApgdOptions(AttackOptions):
    """Options of ``apgd-ce`` and ``apgd-dlr``; AutoAttack's values by default, restarts but in L1 and in plus."""

    steps: int = Field(100, description="gradient steps of each run", ge=1, le=100_000)
    restarts: int = Field(1, description="runs; the fooled leave after each", ge=1, le=10_000)
    rho: float = Field(
        0.75,
        description="share of steps that must raise the loss, else the step is halved",
        gt=0,
        le=1,
    )
    eot_samples: int = Field(
        1,
        description="gradients averaged at each step, for a model that draws random numbers",
        ge=1,
    )
    epsilon_schedule: bool = Field(
        True, description="in L1: 3, 2, 1 times epsilon for 30, 30 and 40 % of the steps"
    )
    reference: bool = Field(
        False, description="follow the authors' random stream, for parity tests"
    )
    seed: int = Field(0, description="of the authors' random stream; used by reference alone")


class ApgdTOptions(ApgdOptions):
    """Options of ``apgd-t``."""

    targets: int = Field(9, description="classes aimed at, by falling logits", ge=1, le=100_000)


class DeepFoolOptions(AttackOptions):
    """Options of ``deepfool``; the authors' values by default."""

    steps: int = Field(50, description="steps at most", ge=1, le=100_000)
    candidates: int = Field(
        10, description="classes that are considered, the true one among them", ge=2
    )
    overshoot: float = Field(
        0.02, description="share by which the sum of the steps is lengthened", ge=0, le=1
    )


class CwL2Options(AttackOptions):
    """Options of ``cw-l2``; the authors' values by default, but for `steps`, of which they take 10,000."""

    steps: int = Field(200, description="gradient steps for each c", ge=1, le=100_000)
    binary_search_steps: int = Field(9, description="values of c that are tried", ge=1, le=100)
    initial_const: float = Field(1e-3, description="the c that is tried first", gt=0)
    learning_rate: float = Field(
        0.01, description="of Adam, over the inverse hyperbolic tangent", gt=0
    )
    confidence: float = Field(0.0, description="margin in logits that is asked for", ge=0)
    abort_early: bool = Field(
        True, description="end a search when a tenth of its steps was of no use"
    )


class FmnOptions(AttackOptions):
    """Options of ``fmn``; lengths of steps are in L2, in widths of the box, whatever the norm."""

    steps: int = Field(100, description="gradient steps", ge=1, le=100_000)
    max_step_size: float = Field(1.0, description="length of the first step", gt=0)
    min_step_size: float | None = Field(
        None, description="length that the last step comes near; default max_step_size / 100", gt=0
    )
    gamma: float = Field(
        0.05, description="share by which the radius changes at first; 0.001 at last", gt=0, lt=1
    )

    @property
    def final_step_size(self) -> float:
        """The length that the last step comes near."""
        return self.max_step_size / 100 if self.min_step_size is None else self.min_step_size


class FabOptions(AttackOptions):
    """Options of ``fab``."""

    steps: int = Field(100, description="iterations from each start", ge=1, le=100_000)
    restarts: int = Field(1, description="starts, the first at the input", ge=1, le=10_000)
    alpha_max: float = Field(0.1, description="largest pull towards the input", ge=0, le=1)
    eta: float = Field(1.05, description="a step goes so many times as far as the boundary", ge=1)
    beta: float = Field(
        0.9, description="share of a misclassified point's distance to go on from", ge=0, lt=1
    )
    reference: bool = Field(
        False, description="follow the authors' random stream, for parity tests"
    )
    seed: int = Field(0, description="of the authors' random stream; used by reference alone")


class FabTOptions(FabOptions):
    """Options of ``fab-t``."""

    targets: int = Field(9, description="classes aimed at, by falling logits", ge=1, le=100_000)


class SquareOptions(AttackOptions):
    """Options of ``square``; AutoAttack's values by default."""

    queries: int = Field(5000, description="proposals in each run", ge=0, le=10_000_000)
    p_init: float = Field(0.8, description="share of the pixels in the first windows", gt=0, le=1)
    restarts: int = Field(1, description="runs; the fooled leave after each", ge=1, le=10_000)
    reference: bool = Field(
        False, description="follow the authors' random stream, for parity tests"
    )
    seed: int = Field(0, description="of the authors' random stream; used by reference alone")


class AutoAttackOptions(AttackOptions):
    """Options of ``autoattack``; there are no others, as the name stands for one protocol."""

    version: Literal["standard", "plus", "rand"] = Field(
        "standard", description="'plus': more attacks and restarts; 'rand': for a model that draws"
    )
    reference: bool = Field(
        False, description="follow the authors' random stream, for parity tests"
    )
    seed: int = Field(0, description="of the authors' random stream; used by reference alone")


class HopSkipJumpOptions(AttackOptions):
    """Options of ``hopskipjump``."""

    steps: int = Field(50, description="steps along the boundary", ge=0, le=100_000)
    initial_evaluations: int = Field(
        100, description="forward passes for the first normal; times sqrt(t) at step t", ge=1
    )
    queries: int | None = Field(
        None, description="no step begins that would exceed so many forward passes", ge=1
    )


class SearchOptions(AttackOptions):
    """How a search over edits goes on."""

    beam: int = Field(
        1, description="rows of an example that are edited further; 1: greedy", ge=1, le=100
    )
    asked: int = Field(
        64,
        description="edits of a row that the model is asked about in each step",
        ge=1,
        le=100_000,
    )


class EditOptions(SearchOptions):
    """Options of ``hotflip`` and ``deepwordbug``."""

    kinds: tuple[Literal["substitute", "insert", "delete", "swap"], ...] = Field(
        ("substitute", "insert", "delete", "swap"),
        description="what may be done to a token; of windows of one length nothing is put in or taken out",
        min_length=1,
    )


class WordSubstitutionOptions(SearchOptions):
    """Options of ``word-substitution``."""

    words: str = Field(
        "",
        description="a file of text whose lines are words that may stand for each other, with commas between them; empty: a "
        "small list of English words",
    )
