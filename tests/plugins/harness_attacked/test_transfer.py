"""Transfer: who is attacked, who judges, what is divided by what, on models whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from measure_cases import ATTACKS, InMemory, make_context, measure, named, one
from torch import nn

from harness.api import Attack, FittedModel, Metric, NotApplicable, PluginError, Task
from harness.api.measuring import wilson

Measuring = Callable[..., list[Metric]]


class Threshold(nn.Module):
    """Says class 1 where the weighted features exceed a threshold; it counts its calls."""

    def __init__(self, *weights: float, at: float, width: float = 1.0) -> None:
        super().__init__()
        self.weights, self.at, self.width, self.calls = (
            torch.tensor(weights, dtype=torch.float32),
            at,
            width,
            0,
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        score = (inputs.flatten(1) @ self.weights - self.at) / self.width
        return torch.stack([-score, score], dim=1)


# x0 - 0.5, x1 - 0.5 and the class, of eight examples
OFFSETS = [
    (0.05, 0.30, 1),
    (0.15, 0.30, 1),
    (0.25, 0.30, 1),
    (0.35, -0.30, 1),  # "down" gets it wrong
    (-0.05, -0.30, 0),
    (-0.15, -0.30, 0),
    (-0.25, -0.30, 0),
    (0.08, -0.30, 0),  # "across" gets it wrong
]
MODELS = {
    "across": Threshold(1, 0, at=0.5),
    "down": Threshold(0, 1, at=0.5),
    "both": Threshold(1, 1, at=1.0),
    "far": Threshold(1, 0, at=0.4),
}


def image_task() -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(1, 1, 2),
        outputs=2,
        low=0.0,
        high=1.0,
    )


def examples() -> InMemory:
    offsets = torch.tensor(OFFSETS)
    ids = torch.tensor([7, 3, 5, 1, 0, 2, 6, 4])
    return InMemory(0.5 + offsets[:, :2].reshape(-1, 1, 1, 2), offsets[:, 2].long(), ids)


@pytest.fixture
def measured(tmp_path: Path) -> Measuring:
    """Measure transfer among some of MODELS on the eight examples."""

    def run(
        *names: str,
        models: dict[str, nn.Module] | None = None,
        data: InMemory | None = None,
        task: Task | None = None,
        recipes: tuple[str, ...] = (),
        **options: Any,
    ) -> list[Metric]:
        chosen = models or {name: MODELS[name] for name in names}
        context = make_context(
            "transfer",
            nn.Identity(),
            examples() if data is None else data,
            image_task() if task is None else task,
            tmp_path,
            **options,
        )
        fits = tuple(
            FittedModel(
                architecture=name,
                recipe=recipes[k] if recipes else "",
                dataset="contract",
                seed=0,
                load=lambda model=model: model.eval(),
            )
            for k, (name, model) in enumerate(chosen.items())
        )
        return measure(replace(context, fits=fits), "transfer")

    return run


def figures(found: list[Metric], name: str) -> dict[tuple[str, str], tuple[float, int]]:
    """Return {(source, target): (share in eighths or of n, n)}."""
    return {
        (m.where["source"], m.where["target"]): (round(m.value * m.n), m.n)
        for m in found
        if m.name == name
    }


def test_a_matrix_by_hand(measured: Measuring) -> None:
    found = measured("across", "down", "both", attack="sign", epsilons=("2/10",))
    # clean: "across" is wrong on the last, "down" on the fourth, "both" on none
    assert {m.where["target"]: m.value * 8 for m in named(found, "clean_accuracy")} == {
        "across": 7,
        "down": 7,
        "both": 8,
    }
    # "across" moves x0 by 0.2 and falls where |x0 - 0.5| < 0.2: four of the seven that it gets right.
    # "both" then falls where its own margin |x0 + x1 - 1| is below 0.2: on the fourth alone, at 0.05.
    # "down" moves x1, on the seven that it gets right, whose |x1 - 0.5| is 0.3: nobody falls.
    # "both" moves both: it falls where |x0 + x1 - 1| < 0.4, and x1 stays on its side.
    margin = [abs(x0 + x1) for x0, x1, _ in OFFSETS]
    assert figures(found, "transfer_accuracy") == {
        ("across", "across"): (3, 8),
        ("across", "down"): (7, 8),
        ("across", "both"): (7, 8),
        ("down", "across"): (7, 8),
        ("down", "down"): (7, 8),
        ("down", "both"): (8 - sum(m < 0.2 for k, m in enumerate(margin) if k != 3), 8),
        ("both", "across"): (3, 8),
        ("both", "down"): (7, 8),
        ("both", "both"): (sum(m > 0.4 for m in margin), 8),
    }
    assert figures(found, "transfer_rate") == {
        ("across", "down"): (0, 4),
        ("across", "both"): (0, 4),  # the one on which "both" falls did not fool "across"
        ("both", "across"): (2, 3),  # of four that fall, one is wrong on "across" anyway
        ("both", "down"): (0, 3),
    }
    worst = {m.where["target"]: m.value * 8 for m in named(found, "any_source_accuracy")}
    assert worst == {"across": 3, "down": 7, "both": 4}


def test_the_worst_case_of_all_sources_is_not_flattered_by_a_wrong_gradient(
    measured: Measuring,
) -> None:
    class Astray(Threshold):
        """Has the gradient of the other feature."""

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            logits = super().forward(inputs)
            aside = torch.stack([-inputs.flatten(1)[:, 1], inputs.flatten(1)[:, 1]], 1)
            return logits.detach() + aside - aside.detach()

    models = {"across": MODELS["across"], "astray": Astray(1, 0, at=0.5)}
    found = measured(models=models, attack="sign", epsilons=("2/10",))
    assert figures(found, "transfer_accuracy")["astray", "astray"] == (7, 8)
    assert {m.value * 8 for m in named(found, "any_source_accuracy")} == {3}


def test_each_figure_has_its_interval_and_says_what_it_is_of(measured: Measuring) -> None:
    found = measured("across", "down", attack="sign", epsilons=("1/5", 0.01), examples=6)
    metric = one(found, "transfer_accuracy", source="across", target="down", epsilon_text="1/5")
    assert metric.where == {
        "source": "across",
        "target": "down",
        "attack": "sign",
        "norm": "linf",
        "epsilon": 0.2,
        "epsilon_text": "1/5",
    }
    assert (metric.n, metric.unit) == (6, "fraction")
    assert (metric.low, metric.high) == wilson(metric.value, 6)
    assert len(named(found, "transfer_accuracy")) == 2 * 4
    again = measured("across", "down", attack="sign", recipes=("plain", "noise"))
    where = one(again, "transfer_accuracy", source="across", target="down").where
    assert (where["source_recipe"], where["target_recipe"]) == ("plain", "noise")
    assert one(again, "clean_accuracy", target="down").where == {
        "target": "down",
        "target_recipe": "noise",
    }


def test_there_is_no_rate_where_nobody_is_fooled(measured: Measuring) -> None:
    found = measured("across", "down", attack="sign", epsilons=(0.01,))
    assert named(found, "transfer_rate") == []
    clean = {m.where["target"]: m.value for m in named(found, "clean_accuracy")}
    for metric in named(found, "transfer_accuracy"):
        assert metric.value == clean[metric.where["target"]]


def test_what_is_kept_for_each_example(measured: Measuring, tmp_path: Path) -> None:
    found = measured("across", "both", attack="sign", epsilons=(0.01, 0.2), batch_size=3)
    kept = np.load(tmp_path / "examples.npz")
    assert kept["ids"].tolist() == list(range(8))
    order = np.argsort([7, 3, 5, 1, 0, 2, 6, 4])
    right = np.array([True] * 7 + [False])
    assert np.array_equal(kept["correct_0"], right[order])
    falls = np.array([abs(x0) < 0.2 for x0, _, _ in OFFSETS]) | ~right
    assert np.array_equal(kept["stands_1_0_0"], ~falls[order])
    for k, epsilon in enumerate((0.01, 0.2)):
        for s, source in enumerate(("across", "both")):
            for t, target in enumerate(("across", "both")):
                robust = kept[f"stands_{k}_{s}_{t}"]
                assert not (robust & ~kept[f"correct_{t}"]).any()
                where = {"source": source, "target": target, "epsilon": epsilon}
                assert one(found, "transfer_accuracy", **where).value == robust.mean()


def test_the_attack_goes_on_when_the_source_is_fooled(measured: Measuring) -> None:
    """Points just over the source's boundary would fool nobody whose boundary lies 0.1 further."""
    options = {"attack": "pgd", "epsilons": (0.2,)}
    found = figures(measured("across", "far", **options), "transfer_rate")
    # 0.55 and 0.65 go down to 0.35 and 0.45, of which "far" takes the first for class 0; 0.45 and 0.35 go
    # up, and "far" gets the 0.45 of them wrong as it is
    assert found["across", "far"] == (2, 3)
    stops = ATTACKS["pgd"].perturb
    assert isinstance(stops, str)

    def without_judge(model, inputs, targets, budget, draws, options):
        from harness.api.measuring import call

        return call(
            stops,
            model=model,
            inputs=inputs,
            targets=targets,
            budget=budget,
            draws=draws,
            options=options,
            batch_size=None,
            judge=None,
        )

    ATTACKS["stops"] = replace(ATTACKS["pgd"], name="stops", perturb=without_judge)
    try:
        early = measured("across", "far", **(options | {"attack": "stops"}))
    finally:
        del ATTACKS["stops"]
    assert figures(early, "transfer_rate")["across", "far"][0] < 2


@pytest.mark.parametrize("attack", ["pgd", "sign"])
def test_the_diagonal_is_the_white_box_figure(
    images: Any, measured: Measuring, classifier: nn.Module, attack: str
) -> None:
    from measure_cases import image_examples
    from measure_cases import image_task as larger_task

    options = {"epsilons": (0.1, 0.2), "examples": 90}
    alone = [
        one(measure(images("adversarial", attacks=(attack,), epsilons=(e,), examples=90), "adversarial"),
            "robust_accuracy", attack=attack).value
        for e in options["epsilons"]
    ]  # fmt: skip
    found = measured(
        models={"net": classifier, "same": classifier},
        data=image_examples(),
        task=larger_task(),
        attack=attack,
        **options,
    )
    assert 0 < alone[1] < alone[0] < 1
    for source in ("net", "same"):
        for target in ("net", "same"):
            where = {"source": source, "target": target}
            assert [m.value for m in named(found, "transfer_accuracy", **where)] == alone
    assert {m.value for m in named(found, "transfer_rate")} == {1.0}


def test_the_batch_size_changes_nothing(measured: Measuring, tmp_path: Path) -> None:
    kept = []
    for batch_size in (8, 3, 1):
        measured("across", "both", "far", attack="pgd", epsilons=(0.2,), batch_size=batch_size)
        with np.load(tmp_path / "examples.npz") as file:
            kept.append({name: file[name].tolist() for name in file.files})
    assert kept[0] == kept[1] == kept[2]


def test_examples_come_in_chunks_that_fit(
    measured: Measuring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness_attacked import attack_choice

    whole = measured("across", "both", attack="pgd", epsilons=(0.1, 0.2), batch_size=2)
    monkeypatch.setattr(attack_choice, "CHUNK_BYTES", 0)
    assert measured("across", "both", attack="pgd", epsilons=(0.1, 0.2), batch_size=2) == whole


def test_one_model_is_in_memory_at_a_time(tmp_path: Path) -> None:
    import weakref

    alive: list[weakref.ref[nn.Module]] = []

    def load() -> nn.Module:
        assert all(one() is None for one in alive)
        model = Threshold(1, 0, at=0.5).eval()
        alive.append(weakref.ref(model))
        return model

    context = make_context(
        "transfer", nn.Identity(), examples(), image_task(), tmp_path, attack="sign"
    )
    fits = tuple(
        FittedModel(architecture=name, recipe="", dataset="contract", seed=0, load=load)
        for name in "abc"
    )
    measure(replace(context, fits=fits), "transfer")
    assert len(alive) == 6


def test_epsilon_is_a_share_of_each_features_range_in_a_table(measured: Measuring) -> None:
    offsets = torch.tensor(OFFSETS)
    scale = torch.tensor([1.0, 1000.0])
    inputs = torch.cat([offsets[:, :2] * scale, torch.tensor([[-0.5, -500.0], [0.5, 500.0]])])
    data = InMemory(
        inputs, torch.cat([offsets[:, 2], torch.tensor([0, 1])]).long(), torch.arange(10)
    )
    task = Task(
        modality="table",
        problem="classification",
        input_shape=(2,),
        outputs=2,
        low=-500.0,
        high=500.0,
    )
    models = {
        "across": Threshold(1, 0, at=0.0),
        "both": Threshold(1, 0.001, at=0.0),
    }
    found = measured(models=models, data=data, task=task, attack="sign", epsilons=(0.2,))
    # as in data space of range 1, with two examples more that stand
    assert figures(found, "transfer_accuracy")["across", "across"] == (5, 10)
    assert figures(found, "transfer_accuracy")["across", "both"] == (9, 10)
    assert figures(found, "transfer_accuracy")["both", "across"] == (5, 10)


def test_an_attack_that_does_not_apply_is_refused_with_the_reason(measured: Measuring) -> None:
    with pytest.raises(
        NotApplicable,
        match="l1-only is not defined for linf; it is for l1: say norm=l1, and epsilons",
    ):
        measured("across", "down", attack="l1-only")
    ATTACKS["rows"] = Attack(name="rows", perturb=lambda inputs: inputs, takes=("sequence",))
    try:
        with pytest.raises(NotApplicable, match="attack rows takes sequence, not image"):
            measured("across", "down", attack="rows")
    finally:
        del ATTACKS["rows"]
    with pytest.raises(PluginError, match="attack out-of-ball left the linf ball"):
        measured("across", "down", attack="out-of-ball", epsilons=(0.1,))


def test_a_source_that_is_never_right_is_not_attacked(measured: Measuring) -> None:
    wrong = Threshold(-1, -1, at=-1.0)
    found = measured(
        models={"both": MODELS["both"], "wrong": wrong}, attack="sign", epsilons=(0.2,)
    )
    assert figures(found, "transfer_accuracy")["wrong", "both"] == (8, 8)
    assert figures(found, "transfer_accuracy")["both", "wrong"] == (0, 8)
    assert named(found, "transfer_rate") == []
