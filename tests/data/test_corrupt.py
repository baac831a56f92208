"""Corrupted copies of the test examples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from data_cases import CPU, images, prepared, shift, table

import harness.data.corruption as module
from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import read_findings
from harness.catalogue.kinds import Shift
from harness.data.corrupt import corrupt
from harness.data.draws import Draws
from harness.data.prepared import PreparedData
from harness.data.streamed import StreamedExamples, open_copy
from harness.errors import DataError, NotApplicable


def copy(tmp_path, values, chosen, severity=2, seed=5, name="copy", **changes):
    clean, folder = tmp_path / "clean", tmp_path / name
    folder.mkdir()
    if not clean.exists():
        clean.mkdir()
        prepared(clean, values, **changes)
    made = corrupt(clean, chosen, {severity: folder}, seed)[severity]
    if isinstance(made, Exception):
        raise made
    return PreparedData.open(clean), PreparedData.open(folder)


def add_noise(inputs, severity, draws):
    return inputs + 0.05 * severity * draws.normal("noise", tuple(inputs.shape[1:]))


def test_ids_and_targets_are_those_of_the_test_examples(tmp_path):
    clean, changed = copy(tmp_path, images(), shift(add_noise))
    before, after = clean.split("test", CPU), changed.split("test", CPU)
    assert torch.equal(before.ids, after.ids) and torch.equal(before.targets, after.targets)
    assert changed.task.counts == {"train": 0, "validation": 0, "test": 12}
    assert changed.task.mean == clean.task.mean  # the model's first layer is the clean one


def test_eight_bit_images_are_rounded_to_eight_bits(tmp_path):
    def brighten(inputs):
        return inputs + 0.4 / 255  # less than half a step

    clean, changed = copy(tmp_path, images(), shift(brighten))
    assert changed.array("inputs").dtype == np.uint8
    before, after = clean.split("test", CPU).take(torch.arange(12))[0], None
    after = changed.split("test", CPU).take(torch.arange(12))[0]
    assert torch.equal(before, after)

    def brighten_more(inputs):
        return inputs + 0.6 / 255

    _, changed = copy(tmp_path, images(), shift(brighten_more), name="more")
    more = changed.split("test", CPU).take(torch.arange(12))[0]
    torch.testing.assert_close(more, (before + 1 / 255).clamp(0, 1))


def test_all_else_is_kept_in_float32(tmp_path):
    def nudge(inputs):
        return inputs + 1e-4

    clean, changed = copy(tmp_path, table(), shift(nudge), low=-100.0, high=100.0)
    assert changed.array("inputs").dtype == np.float32 and changed.task.scale == 1.0
    before = clean.split("test", CPU).take(torch.arange(12))[0]
    assert torch.equal(changed.split("test", CPU).take(torch.arange(12))[0], before + 1e-4)


def test_images_of_fewer_levels_are_not_rounded(tmp_path):
    values = images() | {"inputs": images()["inputs"] // 16, "scale": 1 / 16}
    _, changed = copy(tmp_path, values, shift(add_noise))
    assert changed.array("inputs").dtype == np.float32 and changed.task.scale == 1.0
    assert changed.array("inputs").min() >= 0.0 and changed.array("inputs").max() <= 1.0


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_a_copy_is_the_same_for_every_size_of_block(tmp_path, rows, monkeypatch):
    _, whole = copy(tmp_path, images(), shift(add_noise))
    monkeypatch.setattr(module, "BLOCK_BYTES", rows * 16 * 4)
    _, blocks = copy(tmp_path, images(), shift(add_noise), name="blocks")
    assert np.array_equal(whole.array("inputs"), blocks.array("inputs"))


def test_seed_and_shift_decide_the_draws_and_not_the_severity(tmp_path):
    def keep_draw(inputs, draws):
        return draws.uniform("u", tuple(inputs.shape[1:]))

    copies = {
        name: copy(tmp_path, images(), shift(keep_draw, label), severity, seed, name)[1]
        for name, label, severity, seed in [
            ("a", "one", 1, 5),
            ("b", "one", 5, 5),
            ("c", "one", 1, 6),
            ("d", "two", 1, 5),
        ]
    }
    arrays = {name: found.array("inputs") for name, found in copies.items()}
    assert np.array_equal(arrays["a"], arrays["b"])
    assert not np.array_equal(arrays["a"], arrays["c"])
    assert not np.array_equal(arrays["a"], arrays["d"])


def test_what_is_saved_is_the_changed_example_with_the_same_draws_whatever_the_options(tmp_path):
    def keep_draw(inputs, draws):
        return draws.uniform("u", tuple(inputs.shape[1:]))

    def coarse(inputs, task):
        return (inputs - task.low).round()

    _, whole = copy(tmp_path, images(), shift(keep_draw), name="whole")
    item = replace(shift(keep_draw).item, saved=coarse)
    _, saved = copy(tmp_path, images(), Chosen(item, "changed:coarse=true"), name="saved")
    levels = whole.array("inputs")
    assert np.array_equal(saved.array("inputs"), np.where(levels > 127, 255, 0))


def test_a_shift_that_takes_8_bits_is_given_what_is_stored_and_so_is_what_saves_it(tmp_path):
    def inverted(inputs):
        assert inputs.dtype == torch.uint8
        return 255 - inputs

    def halved(inputs):
        return inputs // 2

    found = shift(inverted)
    item = replace(found.item, eight_bit=True, saved=halved)
    clean, changed = copy(tmp_path, images(), Chosen(item, found.label))
    test = clean.split("test", CPU, as_stored=True)
    levels, _, _ = test.take(torch.arange(len(test)))
    assert levels.dtype == torch.uint8
    assert np.array_equal(changed.array("inputs"), (255 - levels.numpy()) // 2)


def test_a_shift_that_changes_nothing_is_told(tmp_path):
    _, same = copy(tmp_path, images(), shift(lambda inputs: inputs + 1e-4), severity=2, name="same")
    (found,) = read_findings(same.folder)
    assert (
        found.sentence.startswith("changed at severity 2 changes no test example")
        and not found.flag
    )
    _, other = copy(tmp_path, images(), shift(lambda inputs: inputs / 2), name="other")
    assert read_findings(other.folder) is None


def test_values_stay_in_the_range(tmp_path):
    _, changed = copy(tmp_path, images(), shift(lambda inputs: inputs * 10 - 3))
    inputs = changed.split("test", CPU).take(torch.arange(12))[0]
    assert inputs.min() == 0.0 and inputs.max() == 1.0


def test_images_smaller_than_what_a_shift_looks_at_are_refused(tmp_path):
    narrow = images() | {"inputs": images()["inputs"][:, :, :2]}
    copy(tmp_path, narrow, shift(lambda inputs: inputs, window=2), name="wide enough")
    with pytest.raises(NotApplicable, match="at least 3 x 3 pixels are needed, .* have 2 x 4"):
        copy(tmp_path, narrow, shift(lambda inputs: inputs, window=3))


def test_a_shift_that_makes_nan_is_named(tmp_path):
    assert isinstance(shift(add_noise).item, Shift)
    for name, value in (("nan", float("nan")), ("infinity", float("inf"))):
        with pytest.raises(DataError, match="shift 'broken' at severity 2 made NaN"):
            copy(
                tmp_path, images(), shift(lambda inputs, by=value: inputs + by, "broken"), name=name
            )


def test_severities_made_together_are_those_made_alone_though_one_fails_and_one_changes_its_inputs(
    tmp_path, monkeypatch
):
    def spoil(inputs, severity, draws):
        if severity == 3 and int(draws.ids[0]) != first:
            raise ValueError("broken in the second block")
        noise = draws.at("part").normal("noise", tuple(inputs.shape[1:]))
        return inputs.add_(noise.mul_(severity))

    chosen, severities = shift(spoil), (1, 3, 5)
    clean, _ = copy(tmp_path, images(), shift(add_noise))
    first = int(clean.split("test", CPU).ids[0])
    drawn = []
    monkeypatch.setattr(module, "BLOCK_BYTES", 5 * 16 * 4)
    monkeypatch.setattr(
        Draws, "_bits", lambda self, *asked, of=Draws._bits: drawn.append(1) or of(self, *asked)
    )
    folders = {severity: tmp_path / f"together {severity}" for severity in severities}
    for folder in folders.values():
        folder.mkdir()
    made = corrupt(clean.folder, chosen, folders, 5)
    assert str(made[3]) == "broken in the second block" and isinstance(made[3], ValueError)
    assert len(drawn) == 3  # blocks, and not blocks times severities
    for severity in (1, 5):
        _, alone = copy(tmp_path, images(), chosen, severity, name=f"alone {severity}")
        together = PreparedData.open(folders[severity])
        assert together.task == alone.task == made[severity]
        assert np.array_equal(together.array("inputs"), alone.array("inputs"))
        assert np.array_equal(together.array("ids"), alone.array("ids"))


@pytest.mark.parametrize("values", [images(), table()], ids=["images", "table"])
def test_a_copy_that_is_not_written_reads_as_one_that_is(tmp_path, values, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 5 * 16 * 4)
    clean, written = copy(tmp_path, values, shift(add_noise))
    folder = tmp_path / "streamed"
    folder.mkdir()
    made = corrupt(clean.folder, shift(add_noise), {2: folder}, 5, frozenset({2}))
    assert made[2] == written.task and not (folder / "inputs.npy").exists()
    found = open_copy(folder, clean, lambda kind, spec: shift(add_noise), CPU)
    stored = open_copy(written.folder, clean, lambda kind, spec: shift(add_noise), CPU)
    assert isinstance(found, StreamedExamples) and len(found) == len(stored)
    for one, other in zip(found.batches(7), stored.batches(7), strict=True):
        assert all(map(torch.equal, one, other))


def test_a_shift_that_is_not_for_the_data_is_refused_though_nothing_is_written(tmp_path):
    def refuse(inputs):
        raise NotApplicable("no colours")

    clean, _ = copy(tmp_path, images(), shift(add_noise))
    made = corrupt(clean.folder, shift(refuse), {2: tmp_path}, 5, frozenset({2}))
    assert isinstance(made[2], NotApplicable)


def masks(n: int = 30) -> dict:
    values = images(n)
    return {
        **values,
        "problem": "segmentation",
        "targets": (values["inputs"][:, 0] > 99).astype("uint8"),
    }


def mirror(inputs):
    return inputs.flip(-1)


def mirrored(**said) -> Chosen:
    return Chosen(item=Shift(name="mirror", apply=mirror, takes=("image",), **said), label="mirror")


def mirror_maps(draws):
    maps = torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    return maps.expand(len(draws.ids), 3, 3)


def test_targets_that_say_where_things_are_move_with_the_image(tmp_path):
    clean, changed = copy(tmp_path, masks(), mirrored(moves=mirror_maps))
    before, after = clean.split("test", CPU), changed.split("test", CPU)
    assert torch.equal(after.targets, before.targets.flip(-1))
    assert after.targets.dtype == torch.uint8 and torch.equal(before.ids, after.ids)
    _, still = copy(tmp_path, masks(), mirrored(keeps_places=True), name="still")
    assert torch.equal(still.split("test", CPU).targets, before.targets)
    folder = tmp_path / "streamed"
    folder.mkdir()
    corrupt(clean.folder, mirrored(moves=mirror_maps), {2: folder}, 5, frozenset({2}))
    found = open_copy(folder, clean, lambda kind, spec: mirrored(moves=mirror_maps), CPU)
    assert torch.equal(torch.cat([t for _, t, _ in found.batches(4)]), after.targets)


def test_a_shift_that_does_not_say_whither_it_moves_things_is_refused(tmp_path):
    with pytest.raises(
        NotApplicable, match="mirror may move what an image shows and does not say whither"
    ):
        copy(tmp_path, masks(), mirrored())
