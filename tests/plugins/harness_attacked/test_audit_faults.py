"""Each planted fault is found: that finding, with its number, and no other."""

import copy
import dataclasses

import pytest
import torch
from audit_cases import Before, Frozen, audited, chosen, flags, misleading, only
from measure_cases import InMemory, image_examples, image_task, pgd, train
from torch import nn
from torch.nn import functional

from harness.plan.names import settle
from harness_attacked.audit_attacks import _lengthen


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_a_sane_model_has_no_finding(classifier, tmp_path):
    found, metrics = audited(classifier, tmp_path)
    assert found == [] and flags(metrics) == {""}


def test_rounded_inputs_mask_the_gradient(classifier, tmp_path):
    model = Before(classifier, inputs=lambda x: (16 * x).round() / 16)
    found, metrics = audited(model, tmp_path)
    finding = only(found, "zero-gradients")
    assert "exactly 0 at 64 of 64 examples" in finding.sentence
    assert flags(metrics) == {"gradients are zero"}


def test_scaled_logits(classifier, tmp_path):
    found, _ = audited(Before(classifier, outputs=lambda z: 200 * z), tmp_path)
    finding = only(found, "scaled-logits")
    saturated, n = finding.numbers["saturated"], finding.numbers["examples"]
    assert f"gradient of exactly 0 at {saturated} of {n} examples" in finding.sentence
    assert saturated > 0.9 * n and finding.numbers["margin"] > 200


def test_probabilities_for_logits(classifier, tmp_path):
    found, metrics = audited(Before(classifier, outputs=lambda z: z.softmax(1)), tmp_path)
    assert "in all of 120 rows" in only(found, "probabilities").sentence
    assert flags(metrics) == {"outputs are probabilities"}


def test_logarithms_of_probabilities_are_logits(classifier, tmp_path):
    assert audited(Before(classifier, outputs=lambda z: z.log_softmax(1)), tmp_path)[0] == []


def test_a_functional_dropout_is_always_on(classifier, tmp_path):
    model = Before(classifier, inputs=lambda x: functional.dropout(x, 0.1))
    found, _ = audited(model, tmp_path)
    finding = only(found, "random-output")
    assert f"{finding.numbers['changed']} of 120 answers" in finding.sentence
    assert finding.numbers["changed"] > 0 and "eot_samples=20" in finding.advice


@pytest.mark.parametrize("kind", ["batch norm", "dropout"])
def test_training_mode_left_on(classifier, tmp_path, kind):
    dropout = nn.Sequential(nn.Dropout(0.3), copy.deepcopy(classifier)).eval()
    model = copy.deepcopy(classifier) if kind == "batch norm" else dropout
    name = "BatchNorm2d" if kind == "batch norm" else "Dropout"
    for module in model.modules():
        module.training = type(module).__name__ == name
    found, _ = audited(model, tmp_path)
    finding = only(found, "train-mode")
    assert f"left in training mode ({name})" in finding.sentence
    assert f"{finding.numbers['changed']} of 120 answers" in finding.sentence


def test_training_mode_that_changes_nothing_is_none(classifier, tmp_path):
    model = copy.deepcopy(classifier)
    for module in model.modules():
        module.training = not isinstance(module, nn.BatchNorm2d)
    assert audited(model, tmp_path)[0] == []


def test_statistics_of_the_batch(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = (nn.Conv2d(1, 4, 3), Frozen(), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
        model = train(nn.Sequential(*layers), image_examples(90), functional.cross_entropy)
    finding = only(audited(model, tmp_path)[0], "batch-dependent")
    assert f"differ by up to {100 * finding.numbers['change']:.3g} %" in finding.sentence


def test_inputs_outside_the_box(classifier, tmp_path):
    data = image_examples()
    grey = InMemory((255 * data.inputs).round(), data.targets, data.ids)
    model = Before(classifier, inputs=lambda x: x / x.amax().clamp_min(1.0))
    found, _ = audited(model, tmp_path, data=grey)
    finding = only(found, "outside-box")
    assert "120 of 120 inputs" in finding.sentence and "outside the box [0, 1]" in finding.sentence
    some = data.inputs.clone()
    some[:5] += 1.0
    found, _ = audited(classifier, tmp_path, data=InMemory(some, data.targets, data.ids))
    assert only(found, "outside-box").sentence.startswith("5 of 120 inputs")


def test_data_that_fill_a_corner_of_the_box(classifier, tmp_path):
    found, _ = audited(
        classifier, tmp_path, task=dataclasses.replace(image_task(), high=255.0), epsilons=(0.2,)
    )
    assert "0.4 % of the box [0, 255]" in only(found, "box-misfit").sentence


def test_normalisation_outside_the_model(classifier, tmp_path):
    data = image_examples()
    mean, std = data.inputs.mean(), data.inputs.std()
    normal = (data.inputs - mean) / std
    task = dataclasses.replace(
        image_task(), low=float(normal.min()), high=float(normal.max()), mean=(0.0,), std=(1.0,)
    )
    model = Before(classifier, inputs=lambda x: x * std + mean)
    found, _ = audited(
        model, tmp_path, data=InMemory(normal, data.targets, data.ids), task=task, epsilons=(0.3,)
    )
    finding = only(found, "outer-normalisation")
    assert f"range [{task.low:.3g}, {task.high:.3g}]" in finding.sentence


@pytest.mark.parametrize(
    ("high", "options", "words"),
    [
        (1.0, {"epsilons": (8,)}, "epsilon of 8 in linf every input of the box [0, 1]"),
        (255.0, {"epsilons": ("8/255",)}, "0.0314 in linf is 0.031 of the 255 grey levels"),
        (1.0, {"epsilons": ("8/255",), "norm": "l2"}, "8 of the 255 grey levels of the box [0, 1]"),
        (1.0, {"epsilons": (8, 6), "norm": "l2"}, "an epsilon of 6 in l2 every input"),
    ],
)
def test_epsilon_in_another_unit(classifier, tmp_path, high, options, words):
    data = image_examples()
    scaled = InMemory(high * data.inputs, data.targets, data.ids)
    task = dataclasses.replace(image_task(), high=high)
    model = Before(classifier, inputs=lambda x: x / high)
    found, metrics = audited(model, tmp_path, data=scaled, task=task, **options)
    assert words in only(found, "epsilon-unit").sentence
    assert flags(metrics) == {"epsilon looks like another unit"}


def test_a_curve_may_go_to_its_ends(classifier, tmp_path):
    assert audited(classifier, tmp_path, epsilons=(0.0, 1e-4, 0.1, 1.0))[0] == []


def test_a_black_box_attack_that_beats_one_by_gradients(classifier, tmp_path):
    attacks = {name: chosen(name) for name in ("wrong-sign", "random-search")}
    found, _ = audited(classifier, tmp_path, attacks=attacks, epsilons=(0.2,))
    finding = only(found, "black-box-lead")
    ahead = finding.numbers["ahead"]
    assert f"breaks {ahead} of 120 examples that they do not, they 0 that" in finding.sentence
    assert ahead >= 7
    attacks["pgd"] = chosen("pgd")
    assert audited(classifier, tmp_path, attacks=attacks, epsilons=(0.2,))[0] == []


def test_too_few_steps(classifier, tmp_path):
    short = settle(pgd(), "", {"steps": 4, "step_size": 0.05, "random_start": False})
    attacks = {short.label: short, "sign": chosen("sign")}
    found, metrics = audited(classifier, tmp_path, attacks=attacks, epsilons=(0.15,))
    finding = only(found, "more-steps")
    newly_fooled, n = finding.numbers["newly_fooled"], finding.numbers["examples"]
    assert (
        f"With 20 instead of 4 steps {short.label} breaks {newly_fooled} of {n}" in finding.sentence
    )
    assert flags(metrics, attack=short.label) == {"more steps would break more"}
    assert flags(metrics, attack="sign") == {""} == flags(metrics, attack="worst case")


def test_starts_that_are_given_up_are_asked_again_whole():
    short = settle(pgd(), "", {"steps": 4, "restarts": 3, "give_up": "all"})
    longer = _lengthen(short).options
    assert (longer["steps"], longer["restarts"], longer["give_up"]) == (20, 1, "never")


class Hidden(nn.Module):
    """A model behind waves that turn its gradient round and round."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images + 0.3 * torch.sin(400 * images))


def test_gradients_that_lead_nowhere(classifier, tmp_path):
    found, metrics = audited(Hidden(classifier), tmp_path)
    (finding,) = (one for one in found if one.code == "unbounded")
    assert f"Of 64 examples {finding.numbers['remaining']} stay correct" in finding.sentence
    assert all("an attack without bounds fails" in flag for flag in flags(metrics))
    assert "wrong-gradients" not in {one.code for one in found}  # each is the function's own


def test_a_gradient_that_points_the_other_way(classifier, tmp_path):
    found, metrics = audited(Before(classifier, inputs=misleading), tmp_path)
    finding = only(found, "wrong-gradients")
    assert finding.numbers["rise"] == pytest.approx(-1, abs=0.1)
    assert f"the loss rises {finding.numbers['rise']:.2f} times what" in finding.sentence
    assert finding.numbers["examples"] == 16
    assert "The fault is in the model (Before)." in finding.sentence
    assert flags(metrics) == {"an upper bound: gradients are not the model's"}


class Bright(nn.Module):
    """Whether an image is brighter than the middle grey level."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        excess = images.flatten(1).mean(1) * 255 - 127.5
        return torch.stack([-excess, excess, torch.full_like(excess, -500.0)], 1)


def test_radii_below_the_grey_levels_are_lost_in_8_bits(tmp_path):
    generator = torch.Generator().manual_seed(0)
    levels = torch.randint(100, 156, (80, 1, 6, 6), generator=generator).float()
    step = torch.arange(80) % 4
    targets = step % 2
    wanted = 127.5 + torch.tensor([-0.25, 0.25, -30.0, 30.0])[step]  # half of them at the edge
    # whole grey levels whose mean is nearly the wanted one
    total = (wanted * 36).round() - levels.flatten(1).sum(1)
    flat = levels.flatten(1)
    for row, missing in enumerate(total.int().tolist()):
        whole, rest = divmod(missing, 36)
        flat[row] += whole
        flat[row, :rest] += 1
    data = InMemory(flat.view(80, 1, 6, 6) / 255, targets, torch.arange(80))
    found, metrics = audited(Bright(), tmp_path, data=data, epsilons=("0.4/255", "40/255"))
    finding = only(found, "rounding")
    assert "40 of 40 images that fool the model in linf 0.4/255 (0.4 grey" in finding.sentence
    assert flags(metrics, epsilon=0.4 / 255) == {"lost when rounded to 8 bits"}
    assert flags(metrics, epsilon=40 / 255) == {""}


def test_outputs_that_are_not_finite(classifier, tmp_path):
    def overflow(logits: torch.Tensor) -> torch.Tensor:
        return logits / (logits[:, :1] < 4.0).float()

    found, _ = audited(Before(classifier, outputs=overflow), tmp_path)
    finding = only(found, "non-finite-logits")
    assert f"for {finding.numbers['broken']} of 120 clean inputs" in finding.sentence


def test_gradients_that_are_not_finite(tmp_path):
    def rooted(images: torch.Tensor) -> torch.Tensor:
        return (images - images.amin((1, 2, 3), keepdim=True).detach()).sqrt()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
        data = image_examples(90)
        small = InMemory(rooted(data.inputs), data.targets, data.ids)
        train(layers, small, functional.cross_entropy)
    finding = only(audited(Before(layers, inputs=rooted), tmp_path)[0], "non-finite-gradients")
    assert "NaN or infinite at 64 of 64 examples" in finding.sentence


def test_a_model_that_guesses(classifier, tmp_path):
    data = image_examples()
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    shuffled = InMemory(data.inputs, data.targets[order], data.ids)
    finding = only(audited(classifier, tmp_path, data=shuffled)[0], "chance")
    share = 100 * finding.numbers["accuracy"]
    assert f"{share:.1f} % of 120 examples" in finding.sentence and "(33.3 %)" in finding.sentence


def test_a_model_that_always_says_the_same(tmp_path):
    data = image_examples()
    many = InMemory(data.inputs, (data.targets == 1).long() * 2, data.ids)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).eval()
    with torch.no_grad():
        model[1].weight.mul_(1e-3)
        model[1].bias.copy_(torch.tensor([5.0, 0.0, 0.0]))
    found, _ = audited(model, tmp_path, data=many)
    finding = only(found, "chance")
    assert finding.code == "chance" and "80 of 120 examples, all of class 0" in finding.sentence


def test_attacks_for_more_classes_are_named_without_a_flag(classifier, tmp_path):
    attacks = {"pgd": chosen("pgd", fewest_classes=4)}
    found, metrics = audited(classifier, tmp_path, attacks=attacks)
    assert "With 3 classes pgd is not what the paper defines" in only(found, "few-classes").sentence
    assert flags(metrics) == {""}
