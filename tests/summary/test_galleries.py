"""Pictures are read back from a job's folder; what is broken there is said, not raised."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.store.run_data import JobRow
from harness.summary.galleries import MOST_BYTES, read_galleries
from harness.summary.gallery import Answer, Change, FeatureCurve, Gallery

SIZE = (3 * 12 - 4, 2 * 10 - 4)


def example(identity: int, **more: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "true": {"class": 1, "name": "<one>"},
        "clean": {"class": 1, "name": "<one>", "confidence": 0.75},
        "adversarial": {"class": 0, "name": "zero", "confidence": None},
        "size": 0.5,
    } | more


def pictured(**more: Any) -> dict[str, Any]:
    return {
        "attack": "pgd:steps=3",
        "norm": "linf",
        "epsilon": 0.5,
        "epsilon_text": "1/2",
        "fooled": 9,
        "picture": {
            "file": "../../../secret.png",
            "width": 8,
            "height": 6,
            "gap": 4,
            "enlarged": True,
            "averaged": False,
        },
        "examples": [example(3, factor=2.0), example(5, factor=None)],
    } | more


def png(size: tuple[int, int] = SIZE) -> bytes:
    file = io.BytesIO()
    Image.new("L", size).save(file, "PNG")
    return file.getvalue()


def job(folder: Path | None, seed: int = 0, **more: Any) -> JobRow:
    axes = {"architecture": "mlp", "dataset": "digits", "seed": seed, "measure": "adversarial"}
    made = JobRow(
        fingerprint=f"{seed:064x}",
        sort="measure",
        label="adversarial mlp",
        axes=axes,
        spec={},
        status="ok",
        reason="",
        seconds=1.0,
        exclusive=False,
        shared=True,
        cached=False,
        folder=folder,
        notes={},
        environment=None,
    )
    return replace(made, **more)


def write(folder: Path, *entries: dict[str, Any], version: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    text = json.dumps({"format_version": version, "galleries": entries})
    (folder / "gallery.json").write_text(text, encoding="utf-8")
    return folder


def read(*jobs: JobRow) -> tuple[Gallery, ...]:
    return read_galleries(jobs, lambda one: one.axes.get("architecture"))


def test_what_was_written_is_read(tmp_path):
    bare = pictured(picture=None, examples=[], fooled=0, attack="fgsm")
    folder = write(tmp_path / "job", bare, pictured())
    (folder / "gallery_1.png").write_bytes(png())
    none, found = read(job(folder, seed=4))
    assert (none.attack, none.examples, none.picture, none.png()) == ("fgsm", (), None, None)
    assert none.path == str(folder / "gallery.json") and none.problem == ""
    assert (found.dataset, found.series, found.seed, found.attack) == (
        "digits",
        "mlp",
        4,
        "pgd:steps=3",
    )
    assert (found.norm, found.epsilon_text, found.fooled) == ("linf", "1/2", 9)
    first, second = found.examples
    assert (first.id, first.true, first.size, first.factor) == (3, "<one>", 0.5, 2.0)
    assert first.clean == Answer(name="<one>", confidence=0.75)
    assert first.adversarial == Answer(name="zero", confidence=None)
    assert second.factor is None
    assert found.picture is not None and found.picture.size(2) == SIZE
    assert found.path == str(folder / "gallery_1.png")  # of its place; "file" is not listened to
    assert found.png() == png()


def test_numbers_of_sequences_and_tables(tmp_path):
    curve = {"feature": 2, "steps": 9, "clean": [1, 2.5], "adversarial": [1, 3]}
    change = {"feature": 0, "clean": 1.0, "adversarial": 2.0, "share": -0.25}
    entries = [
        pictured(picture=None, examples=[example(1, changed=4, curves=[curve])]),
        pictured(picture=None, examples=[example(1, changed=1, changes=[change])]),
    ]
    sequence, table = read(job(write(tmp_path / "job", *entries)))
    assert sequence.examples[0].changed == 4
    assert sequence.examples[0].curves == (
        FeatureCurve(feature=2, steps=9, clean=(1.0, 2.5), adversarial=(1.0, 3.0)),
    )
    assert table.examples[0].changes == (
        Change(feature=0, clean=1.0, adversarial=2.0, share=-0.25),
    )


def test_one_seed_of_each_model_and_measure(tmp_path):
    folders = [write(tmp_path / str(k), pictured(attack=f"a{k}")) for k in range(3)]
    bare = tmp_path / "bare"
    bare.mkdir()
    other = job(folders[1], 1, axes=job(None, 1).axes | {"measure": "adversarial:norm=l2"})
    jobs = [
        job(folders[2], 2),
        job(folders[1], 1),
        other,
        job(bare, 0),  # it kept none
        job(folders[0], 0, status="failed"),
        job(folders[0], 0, sort="fit"),
        job(folders[0], 0, axes={"dataset": "digits", "seed": 0}),  # of no model
        job(None, 0),
    ]
    assert [(one.attack, one.seed) for one in read(*jobs)] == [("a1", 1), ("a1", 1)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices must be integers"),
        ("[" * 100_000, "recursion"),
        ('{"format_version": 2, "galleries": []}', "its format is 2, not 1"),
        ('{"format_version": 1}', "KeyError: 'galleries'"),
        (json.dumps({"format_version": 1, "galleries": [{}]}), "KeyError: 'examples'"),
        ("x" * (MOST_BYTES + 1), "too large"),
        (None, "codec can't decode"),
    ],
)
def test_a_broken_file_is_a_problem_in_words(tmp_path, spoil, words):
    folder = write(tmp_path / "job")
    path = folder / "gallery.json"
    path.write_bytes(b"\xff\xfe\x00") if spoil is None else path.write_text(spoil)
    (found,) = read(job(folder))
    assert words in found.problem and found.problem.startswith("cannot be read: ")
    assert (found.examples, found.path, found.series) == ((), str(path), "mlp")


@pytest.mark.parametrize(
    "spoil",
    [
        {"attack": 3},
        {"fooled": "many"},
        {"fooled": float("inf")},
        {"examples": [example(1, size=float("nan"))]},
        {"examples": [example(1, clean={"name": "x"})]},
        {"picture": {"width": 10**9, "height": 1, "gap": 0, "enlarged": True, "averaged": False}},
    ],
)
def test_a_broken_entry_is_a_problem_in_words(tmp_path, spoil):
    (found,) = read(job(write(tmp_path / "job", pictured(**spoil))))
    assert found.problem.startswith("cannot be read: ") and not found.examples


@pytest.mark.parametrize(
    "spoil", [None, b"", b"<svg onload=alert(1)>", png((10, 10)), png() + b"\0" * MOST_BYTES]
)
def test_what_is_no_picture_of_the_size_is_none(tmp_path, spoil):
    folder = write(tmp_path / "job", pictured())
    if spoil is not None:
        (folder / "gallery_0.png").write_bytes(spoil)
    (found,) = read(job(folder))
    assert found.png() is None and found.examples and not found.problem


def test_a_real_run_has_pictures_of_its_first_seed(small_run, small_store):
    found = small_run.summary.galleries()
    assert [(one.series, one.attack) for one in found] == [
        (name, attack) for name in ("mlp", "lenet") for attack in ("fgsm", "pgd:steps=3")
    ]
    assert {(one.dataset, one.seed, one.epsilon_text) for one in found} == {("digits", 0, "1/16")}
    for one in found:
        assert one.examples and one.fooled >= len(one.examples) and one.picture is not None
        bytes_ = one.png()
        assert bytes_ is not None and len(bytes_) < 50_000
        assert Path(one.path).is_relative_to(small_store / "jobs")
        assert all(e.true == e.clean.name != e.adversarial.name for e in one.examples)
