"""Pictures of attacks: the right pixels, and the model's own numbers beside them."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from measure_cases import SIDE, InMemory, image_examples, make_context, measure, named
from PIL import Image
from torch import nn

from harness.api import Task
from harness.api.measuring import Bar, GalleryExample, Sheet
from harness.catalogue.gallery_file import parse_gallery
from harness.measure.picture import GAP, LEAST_SIDE
from harness_attacked import attack_choice
from harness_attacked.attack_space import find_space
from harness_attacked.attacked_model import attacked_model
from harness_attacked.example_images import MOST_BYTES, MOST_SIDE, draw_examples
from harness_attacked.feature_changes import changed_bars, changed_traces
from harness_attacked.gallery import short_id

TIMES = LEAST_SIDE // SIDE
NAMES = ("<none>", "row", "column")


def galleries(folder: Path) -> tuple[Sheet, ...]:
    return parse_gallery(json.loads((folder / "gallery.json").read_text()), folder)


def ids_of(sheet: Sheet) -> list[int]:
    """Return the ids of the examples of a sheet, which are small numbers here."""
    return [int(re.match(r"example (\d+), ", one.caption)[1]) for one in sheet.examples]


def size_of(example: GalleryExample) -> float:
    return float(example.caption.split()[-1])


def fooled_in_all(sheet: Sheet) -> int:
    return int(re.search(r"of ([\d,]+) that", sheet.count)[1].replace(",", ""))


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
    random, sign = galleries(tmp_path)
    assert (random.title, sign.title) == ("random, linf 0.2", "sign, linf 0.2")
    ids = fooled_ids(tmp_path, "robust_0_1")
    assert sign.count == f"the first 6 of {len(ids)} that it fooled"
    assert ids_of(sign) == ids[:6]
    png = np.asarray(Image.open(tmp_path / "gallery_1.png"))
    assert png.dtype == np.uint8 and png.shape == (6 * 104 - GAP, 3 * 104 - GAP)
    for row, (one, identity) in enumerate(zip(sign.examples, ids, strict=False)):
        place = by_id[identity]
        before, after = data.inputs[place, 0].double(), perturbed[place, 0].double()
        clean, delta, changed = (cut(png, row, column) for column in range(3))
        for found, wanted in ((clean, before), (changed, after)):
            assert np.array_equal(found[::TIMES, ::TIMES], (255 * wanted).round())
            assert np.array_equal(found, np.kron(found[::TIMES, ::TIMES], np.ones((TIMES, TIMES))))
        most = (after - before).abs().max()
        assert np.array_equal(
            delta[::TIMES, ::TIMES], (128 + 127 * (after - before) / most).round()
        )
        before_pane, middle, after_pane = one.panes
        assert middle.words == f"× {127 / 255 / float(most):.2g}"
        assert size_of(one) == pytest.approx(float(most), rel=5e-3)
        assert before_pane.said.startswith(f"Example {identity} of class {data.targets[place]}, ")
        for pane, chances in zip((before_pane, after_pane), probabilities, strict=True):
            assert pane.name == str(int(chances[place].argmax()))
            assert pane.words == f"{100 * float(chances[place].max()):.1f} %"
        assert before_pane.name == str(int(data.targets[place])) != after_pane.name


def test_the_first_epsilon_is_looked_at_whatever_the_order(measure_images, tmp_path):
    measure_images("adversarial", attacks=("sign",), epsilons=("1/10", 0.2), batch_size=9)
    (sign,) = galleries(tmp_path)
    assert sign.title == "sign, linf 1/10"
    assert ids_of(sign) == fooled_ids(tmp_path, "robust_0_0")[:6]
    assert {size_of(one) for one in sign.examples} == {0.1}


def test_the_lowest_ids_of_many_chunks(measure_images, tmp_path, monkeypatch):
    monkeypatch.setattr(attack_choice, "CHUNK_BYTES", 1)
    measure_images("adversarial", attacks=("sign",), epsilons=(0.2,), batch_size=7, gallery=4)
    (sign,) = galleries(tmp_path)
    ids = fooled_ids(tmp_path, "robust_0_0")
    assert ids_of(sign) == ids[:4] and fooled_in_all(sign) == len(ids)


def test_nearest_perturbations_are_shown_as_they_were_found(measure_images, tmp_path):
    measure_images("adversarial", attacks=("darken",), epsilons=(0.01,))
    (darken,) = galleries(tmp_path)
    kept = np.load(tmp_path / "examples.npz")
    distance = dict(zip(kept["ids"].tolist(), kept["distance_0"].tolist(), strict=True))
    found = [i for i, d in sorted(distance.items()) if 0 < d < np.inf]
    assert darken.title == "darken, linf (nearest)"
    assert ids_of(darken) == found[:6]
    for one, identity in zip(darken.examples, found, strict=False):
        assert size_of(one) == pytest.approx(distance[identity], rel=5e-3)
        assert one.panes[2].name != one.panes[0].name


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
    assert (sign.examples, sign.count, sign.picture) == ((), "no example was fooled", None)
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
    truth = dict(zip(data.ids.tolist(), data.targets.tolist(), strict=True))
    assert darken.examples
    for one, identity in zip(darken.examples, ids_of(darken), strict=True):
        assert one.panes[0].name == NAMES[truth[identity]]
    lost = [one for one in darken.examples if one.panes[2].words == "no number"]
    assert lost and all(float(one.panes[0].words.split()[0]) > 100 / 3 for one in lost)


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
    drawn = draw_examples(clean, perturbed, 0.0, 1.0)
    cut = drawn.picture
    assert drawn.size <= MOST_BYTES and max(cut.width, cut.height) == side
    assert len(drawn.factors) == 2 and cut.enlarged == (max(shape) < LEAST_SIDE)
    png = np.asarray(Image.open(io.BytesIO(cut.png())))
    assert png.ndim == (3 if shape[0] == 3 else 2)
    assert png.shape[:2] == cut.size(2)[::-1]
    middle = png[:, cut.width + GAP : 2 * cut.width + GAP]
    first, second = middle[: cut.height], middle[cut.height + GAP :]
    assert first.max() == 255 and first.min() == 128 and (second == 128).all()
    assert drawn.factors[0] == pytest.approx(127 / 255 / 0.25, rel=0.01)
    assert drawn.factors[1] is None
    before = png[: cut.height, : cut.width].mean() / 255
    assert before == pytest.approx(float(clean[0].mean()), abs=0.01)


def test_noise_that_fits_no_file_is_drawn_smaller_and_less_of_it():
    clean = torch.rand((6, 3, 300, 300), generator=torch.Generator().manual_seed(0))
    drawn = draw_examples(clean, clean.flip(0), 0.0, 1.0)
    assert drawn.size <= MOST_BYTES
    assert LEAST_SIDE <= drawn.picture.width < MOST_SIDE and 1 <= len(drawn.factors) < 6
    png = Image.open(io.BytesIO(drawn.picture.png()))
    assert png.size == drawn.picture.size(len(drawn.factors))


class Weighed(nn.Module):
    """Two classes by a weighed sum of an example's values."""

    def __init__(self, weights: torch.Tensor, middle: float) -> None:
        super().__init__()
        self.weights, self.middle = weights, middle

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        score = (inputs * self.weights).flatten(1).sum(1) - self.middle
        return torch.stack([-score, score], 1)


@dataclass
class Attacked:
    example: GalleryExample
    inputs: torch.Tensor


def attack_numbers(shape: tuple[int, ...], modality: str, folder: Path) -> Attacked:
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
    assert sign.picture is None and not (folder / "gallery_0.png").exists()
    for one in sign.examples:
        assert len(one.traces + one.bars) == 2 and one.note == ""
        assert size_of(one) == pytest.approx(0.1)
        assert [pane.title for pane in one.panes] == ["clean", "adversarial"]
    return Attacked(sign.examples[0], inputs[ids_of(sign)[0]])


def test_a_table_s_features_are_given_in_their_own_units(tmp_path):
    one = attack_numbers((3,), "table", tmp_path)
    bars = one.example.bars
    assert sorted(bar.title for bar in bars) == ["feature 0", "feature 1"]
    for bar in bars:
        feature = int(bar.title[-1])
        width = 10**feature
        clean, after = (float(part.replace("−", "-")) for part in bar.words.split(" → "))
        assert clean == pytest.approx(float(one.inputs[feature]), rel=5e-3, abs=1e-3)
        assert abs(bar.share) <= 0.1 + 1e-6
        assert after - clean == pytest.approx(bar.share * width, abs=1e-2 * width)
    assert max(abs(bar.share) for bar in bars) == pytest.approx(0.1, abs=1e-4)


def test_a_sequence_s_features_are_curves(tmp_path):
    one = attack_numbers((12, 3), "sequence", tmp_path)
    traces = one.example.traces
    assert sorted(trace.title for trace in traces) == ["feature 0", "feature 1"]
    for trace in traces:
        feature = int(trace.title[-1])
        clean, after = (np.array(trace.lines[title]) for title in ("clean", "adversarial"))
        assert trace.steps == len(clean) == len(after) == 12
        assert clean == pytest.approx(one.inputs[:, feature].numpy(), rel=1e-3, abs=1e-4)
        moved = (after - clean) / 10**feature
        assert np.abs(moved).max() <= 0.1 + 1e-3


def test_long_curves_keep_their_extremes_and_many_features_the_largest():
    clean = torch.zeros(5000, 6)
    changed = clean.clone()
    changed[1234, 2], changed[77, 4], changed[9, 5] = 3.0, -2.0, 1.0
    traces = changed_traces(clean, changed, changed, task(6))
    assert [trace.title for trace in traces] == ["feature 2", "feature 4", "feature 5"]
    first, second = (trace.lines["adversarial"] for trace in traces[:2])
    assert len(first) == 240 and traces[0].steps == 5000
    assert max(first) == 3.0 and min(second) == -2.0
    shares = torch.tensor([0.1, 0.0, -0.3] + [0.2] * 9)
    bars = changed_bars(torch.ones(12), 1 + shares, shares, task(12))
    assert [bar.title for bar in bars] == [f"feature {k}" for k in (2, 3, 4, 5, 6, 7, 8, 9)]
    assert bars[0] == Bar(title="feature 2", share=-0.3, words="1 → 0.7")


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
    (bar,) = changed_bars(
        torch.tensor([1.0, 30.0]), torch.tensor([1.0, 32.5]), torch.tensor([0.0, 0.1]), named
    )
    assert bar == Bar(title="seconds", share=0.1, words="1,700,000,030 → 1,700,000,032.5")


def test_a_digest_is_shortened_and_a_small_number_is_not():
    assert (short_id(2**60 + 5), short_id(2**32 - 1)) == ("10000000", "4294967295")
