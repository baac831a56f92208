"""Pictures of attacks: the right pixels, and the model's own numbers beside them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from measure_cases import SIDE, InMemory, image_examples, make_context, measure, named
from PIL import Image
from torch import nn

from harness.api import Task
from harness_attacked import attack_choice
from harness_attacked.attack_space import find_space
from harness_attacked.attacked_model import attacked_model
from harness_attacked.feature_changes import list_changes, list_curves
from harness_attacked.image_strips import GAP, LEAST_SIDE, MOST_BYTES, MOST_SIDE, draw_strips

TIMES = LEAST_SIDE // SIDE
NAMES = ("<none>", "row", "column")


def galleries(folder: Path) -> list[dict[str, Any]]:
    data = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))
    assert data["format_version"] == 1
    return data["galleries"]


def cut(png: np.ndarray, row: int, column: int, side: int = LEAST_SIDE) -> np.ndarray:
    top, left = row * (side + GAP), column * (side + GAP)
    return png[top : top + side, left : left + side].astype(int)


def fooled_ids(folder: Path, verdicts: str) -> list[int]:
    kept = np.load(folder / "examples.npz")
    return sorted(kept["ids"][kept["clean_correct"] & ~kept[verdicts]].tolist())


def test_the_pictures_are_the_examples_and_the_numbers_the_model_s(images, classifier, tmp_path):
    options = {"attacks": ("random", "sign"), "epsilons": (0.2, 0.05), "batch_size": 50}
    context = images("adversarial", **options)
    measure(context, "adversarial")
    chosen = context.choose("attack", "sign")
    by_id = {int(i): place for place, i in enumerate(image_examples().ids)}
    with attacked_model(context, find_space(context), context.options, classifier) as attacked:
        data = image_examples()
        perturbed = attacked.attack(
            chosen, attacked.budget("linf", 0.2), data.inputs, data.targets, data.ids
        )
        probabilities = [
            classifier(points).detach().double().softmax(1) for points in (data.inputs, perturbed)
        ]
    assert [one["attack"] for one in galleries(tmp_path)] == ["random", "sign"]
    sign = galleries(tmp_path)[1]
    assert (sign["norm"], sign["epsilon"], sign["epsilon_text"]) == ("linf", 0.2, "0.2")
    ids = fooled_ids(tmp_path, "robust_0_1")
    assert sign["fooled"] == len(ids) > 6
    assert [one["id"] for one in sign["examples"]] == ids[:6]
    png = np.asarray(Image.open(tmp_path / "gallery_1.png"))
    assert png.dtype == np.uint8 and png.shape == (6 * 104 - GAP, 3 * 104 - GAP)
    for row, one in enumerate(sign["examples"]):
        place = by_id[one["id"]]
        before, after = data.inputs[place, 0].double(), perturbed[place, 0].double()
        clean, delta, changed = (cut(png, row, column) for column in range(3))
        for found, wanted in ((clean, before), (changed, after)):
            assert np.array_equal(found[::TIMES, ::TIMES], (255 * wanted).round())
            assert np.array_equal(found, np.kron(found[::TIMES, ::TIMES], np.ones((TIMES, TIMES))))
        most = (after - before).abs().max()
        assert np.array_equal(
            delta[::TIMES, ::TIMES], (128 + 127 * (after - before) / most).round()
        )
        assert one["factor"] == pytest.approx(127 / 255 / float(most))
        assert one["size"] == pytest.approx(float(most))
        assert one["true"] == {
            "class": int(data.targets[place]),
            "name": str(int(data.targets[place])),
        }
        for word, chances in zip(("clean", "adversarial"), probabilities, strict=True):
            answer = int(chances[place].argmax())
            assert one[word]["class"] == answer
            assert one[word]["confidence"] == pytest.approx(float(chances[place].max()), abs=1e-6)
        assert one["clean"]["class"] == one["true"]["class"] != one["adversarial"]["class"]


def test_the_first_epsilon_is_looked_at_whatever_the_order(measure_images, tmp_path):
    measure_images("adversarial", attacks=("sign",), epsilons=("1/10", 0.2), batch_size=9)
    (sign,) = galleries(tmp_path)
    assert sign["epsilon_text"] == "1/10"
    assert [one["id"] for one in sign["examples"]] == fooled_ids(tmp_path, "robust_0_0")[:6]
    assert {round(one["size"], 6) for one in sign["examples"]} == {0.1}


def test_the_lowest_ids_of_many_chunks(measure_images, tmp_path, monkeypatch):
    monkeypatch.setattr(attack_choice, "CHUNK_BYTES", 1)
    measure_images("adversarial", attacks=("sign",), epsilons=(0.2,), batch_size=7, gallery=4)
    (sign,) = galleries(tmp_path)
    ids = fooled_ids(tmp_path, "robust_0_0")
    assert [one["id"] for one in sign["examples"]] == ids[:4] and sign["fooled"] == len(ids)


def test_nearest_perturbations_are_shown_as_they_were_found(measure_images, tmp_path):
    measure_images("adversarial", attacks=("darken",), epsilons=(0.01,))
    (darken,) = galleries(tmp_path)
    kept = np.load(tmp_path / "examples.npz")
    distance = dict(zip(kept["ids"].tolist(), kept["distance_0"].tolist(), strict=True))
    found = [i for i, d in sorted(distance.items()) if 0 < d < np.inf]
    assert (darken["epsilon"], darken["epsilon_text"]) == (None, "")
    assert [one["id"] for one in darken["examples"]] == found[:6]
    for one in darken["examples"]:
        assert one["size"] == pytest.approx(distance[one["id"]])
        assert one["adversarial"]["class"] != one["true"]["class"]


def test_the_same_outcome_is_the_same_bytes_whatever_the_batches(measure_images, tmp_path):
    found = []
    for batch_size in (120, 120, 16):
        measure_images("adversarial", attacks=("sign",), epsilons=(0.2,), batch_size=batch_size)
        found.append((tmp_path / "gallery_0.png").read_bytes())
    assert found[0] == found[1] == found[2]
    assert len(found[0]) < 20_000


def test_nothing_is_written_where_none_are_wanted_and_no_picture_of_none(measure_images, tmp_path):
    measure_images("adversarial", attacks=("sign",), epsilons=(0.2,), gallery=0)
    assert not list(tmp_path.glob("gallery*"))
    measure_images("adversarial", attacks=("sign",), epsilons=(0,))
    (sign,) = galleries(tmp_path)
    assert sign["examples"] == [] and sign["fooled"] == 0 and "picture" not in sign
    assert [path.name for path in tmp_path.glob("gallery*")] == ["gallery.json"]


class Overflowing(nn.Module):
    """A model whose logits overflow on what is darker than its examples."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = inputs.flatten(1).amin(1) == 0
        return self.inner(inputs).masked_fill(hidden[:, None], float("nan"))


def test_class_names_are_kept_and_what_is_no_number_has_no_confidence(classifier, tmp_path):
    task = Task(
        modality="image",
        problem="classification",
        input_shape=(1, SIDE, SIDE),
        outputs=3,
        low=0.0,
        high=1.0,
        class_names=NAMES,
    )
    data = image_examples()
    model = Overflowing(classifier).eval()
    context = make_context(
        "adversarial", model, data, task, tmp_path, attacks=("darken",), epsilons=(0.3,)
    )
    measure(context, "adversarial")
    (darken,) = galleries(tmp_path)
    assert darken["examples"]
    for one in darken["examples"]:
        assert one["true"]["name"] == NAMES[one["true"]["class"]]
        assert one["clean"]["name"] == one["true"]["name"]
    lost = [one for one in darken["examples"] if one["adversarial"]["confidence"] is None]
    assert lost and all(one["clean"]["confidence"] > 1 / 3 for one in lost)


@pytest.mark.parametrize(
    ("shape", "side"),
    [((3, 40, 20), 120), ((3, 300, 200), 224), ((1, 500, 400), 224), ((5, 96, 96), 96)],
)
def test_small_images_are_enlarged_and_large_ones_reduced(shape, side):
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand((2, *shape), generator=generator)
    clean = nn.functional.avg_pool2d(clean, 21, stride=1, padding=10)  # smooth, as photographs are
    perturbed = clean.clone()
    perturbed[0, :, 3:9, 5:11] += 0.25
    strips = draw_strips(clean, perturbed, 0.0, 1.0)
    assert len(strips.png) <= MOST_BYTES and max(strips.width, strips.height) == side
    assert strips.rows == 2 and strips.enlarged == (max(shape) < LEAST_SIDE)
    png = np.asarray(Image.open(io.BytesIO(strips.png)))
    assert png.ndim == (3 if shape[0] == 3 else 2)
    assert png.shape[:2] == (2 * (strips.height + GAP) - GAP, 3 * (strips.width + GAP) - GAP)
    middle = png[:, strips.width + GAP : 2 * strips.width + GAP]
    first, second = middle[: strips.height], middle[strips.height + GAP :]
    assert first.max() == 255 and first.min() == 128 and (second == 128).all()
    assert strips.factors[0] == pytest.approx(127 / 255 / 0.25, rel=0.01)
    assert strips.factors[1] is None
    before = png[: strips.height, : strips.width].mean() / 255
    assert before == pytest.approx(float(clean[0].mean()), abs=0.01)


def test_noise_that_fits_no_file_is_drawn_smaller_and_less_of_it():
    clean = torch.rand((6, 3, 300, 300), generator=torch.Generator().manual_seed(0))
    strips = draw_strips(clean, clean.flip(0), 0.0, 1.0)
    assert len(strips.png) <= MOST_BYTES
    assert LEAST_SIDE <= strips.width < MOST_SIDE and 1 <= strips.rows < 6
    assert len(strips.factors) == strips.rows


class Weighed(nn.Module):
    """Two classes by a weighed sum of an example's values."""

    def __init__(self, weights: torch.Tensor, middle: float) -> None:
        super().__init__()
        self.weights, self.middle = weights, middle

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        score = (inputs * self.weights).flatten(1).sum(1) - self.middle
        return torch.stack([-score, score], 1)


def attack_numbers(shape: tuple[int, ...], modality: str, folder: Path) -> dict[str, Any]:
    """Attack a sum of features, of which feature k is 10 ** k wide and the last never varies."""
    widths = torch.tensor([1.0, 10.0, 0.0])
    inputs = torch.rand((40, *shape), generator=torch.Generator().manual_seed(0)) * widths
    inputs[0], inputs[1] = torch.zeros(shape), torch.ones(shape) * widths
    weights = torch.tensor([1.0, 0.1, 0.0])
    model = Weighed(weights, float((inputs * weights).flatten(1).sum(1).median())).eval()
    data = InMemory(inputs, model(inputs).argmax(1), torch.arange(40))
    task = Task(
        modality=modality,
        problem="classification",
        input_shape=shape,
        outputs=2,
        low=0.0,
        high=10.0,
        counts={"test": 40},
    )
    context = make_context(
        "adversarial", model, data, task, folder, attacks=("sign",), epsilons=(0.1,)
    )
    found = measure(context, "adversarial")
    assert named(found, "robust_accuracy")
    (sign,) = galleries(folder)
    assert "picture" not in sign and not (folder / "gallery_0.png").exists()
    for one in sign["examples"]:
        assert one["changed"] == 2 and one["size"] == pytest.approx(0.1)
        one["inputs"] = inputs[one["id"]]
    return sign["examples"][0]


def test_a_table_s_features_are_given_in_their_own_units(tmp_path):
    one = attack_numbers((3,), "table", tmp_path)
    assert sorted(change["feature"] for change in one["changes"]) == [0, 1]
    for change in one["changes"]:
        feature, width = change["feature"], 10 ** change["feature"]
        assert change["clean"] == pytest.approx(float(one["inputs"][feature]), rel=1e-3, abs=1e-3)
        assert abs(change["share"]) <= 0.1 + 1e-6
        moved = change["adversarial"] - change["clean"]
        assert moved == pytest.approx(change["share"] * width, abs=2e-3 * width)
    assert max(abs(change["share"]) for change in one["changes"]) == pytest.approx(0.1, abs=1e-4)


def test_a_sequence_s_features_are_curves(tmp_path):
    one = attack_numbers((12, 3), "sequence", tmp_path)
    assert sorted(curve["feature"] for curve in one["curves"]) == [0, 1]
    for curve in one["curves"]:
        clean = np.array(curve["clean"])
        assert curve["steps"] == len(clean) == len(curve["adversarial"]) == 12
        assert clean == pytest.approx(
            one["inputs"][:, curve["feature"]].numpy(), rel=1e-3, abs=1e-4
        )
        moved = (np.array(curve["adversarial"]) - clean) / 10 ** curve["feature"]
        assert np.abs(moved).max() <= 0.1 + 1e-3


def test_long_curves_keep_their_extremes_and_many_features_the_largest():
    clean = torch.zeros(5000, 6)
    changed = clean.clone()
    changed[1234, 2], changed[77, 4], changed[9, 5] = 3.0, -2.0, 1.0
    curves = list_curves(clean, changed, changed, task(6))
    assert [curve["feature"] for curve in curves] == [2, 4, 5]
    assert len(curves[0]["adversarial"]) == 240 and curves[0]["steps"] == 5000
    assert max(curves[0]["adversarial"]) == 3.0 and min(curves[1]["adversarial"]) == -2.0
    shares = torch.tensor([0.1, 0.0, -0.3] + [0.2] * 9)
    changes = list_changes(torch.ones(12), 1 + shares, shares, task(12))
    assert [change["feature"] for change in changes] == [2, 3, 4, 5, 6, 7, 8, 9]
    wanted = {"feature": 2, "name": "", "clean": 1.0, "adversarial": 0.7, "share": -0.3}
    assert changes[0] == wanted


def task(features: int, **fields: object) -> Task:
    return Task(
        modality="table",
        problem="classification",
        input_shape=(features,),
        outputs=2,
        low=0.0,
        high=1.0,
        **fields,
    )


def test_changes_have_names_and_the_unit_of_the_data():
    named = task(2, feature_names=("age", "seconds"), offset=(0.0, 1.7e9))
    (change,) = list_changes(
        torch.tensor([1.0, 30.0]), torch.tensor([1.0, 32.5]), torch.tensor([0.0, 0.1]), named
    )
    assert (change["name"], change["clean"], change["adversarial"]) == (
        "seconds",
        1.7e9 + 30,
        1.7e9 + 32.5,
    )
