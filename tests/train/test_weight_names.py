"""Weights of other classes, features or words: matched by their names, or refused."""

import pytest
import torch
from checkpoint_cases import make, same, task, write_torch
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.model import build_model
from harness.data.task import Task
from harness.data.text_code import TextCode
from harness.errors import CheckpointError
from harness.train.checkpoint import save, start_from
from harness.train.weight_names import find_unnamed, match_classes
from harness.train.weights_file import Weights


def test_outputs_follow_the_names_of_the_classes(tmp_path):
    """Of (cat, dog, owl) measured on (owl, cat): the owl's logit comes first."""
    source = make(outputs=3, seed=1).eval()
    save(source, tmp_path, task(3, class_names=("cat", "dog", "owl")))
    model = make(outputs=2, seed=2).eval()
    some = task(2, class_names=("owl", "cat"))
    notes = start_from(model, tmp_path / "model.safetensors", some, may_replace_head=False)
    assert notes[-1] == "outputs matched to the data's classes by name"
    inputs = torch.rand(4, 1, 5, 5)
    torch.testing.assert_close(model(inputs), source(inputs)[:, [2, 0]])


def test_classes_of_the_same_names_are_as_they_were(tmp_path):
    source, model, named = make(seed=1), make(seed=2), task(class_names=("a", "b", "c"))
    save(source, tmp_path, named)
    notes = start_from(model, tmp_path / "model.safetensors", named, may_replace_head=False)
    assert same(model, source) and "matched" not in " ".join(notes)
    notes = start_from(model, tmp_path / "model.safetensors", task(), may_replace_head=False)
    assert (
        same(model, source) and notes[-1] == "classes by their number: the data does not name them"
    )
    path = write_torch(tmp_path / "bare.pt", source.net.state_dict())
    notes = start_from(model, path, named, may_replace_head=False)
    assert notes[-1] == "classes by their number: the file does not name them"
    (one,) = find_unnamed(path, named, notes)
    assert one.sentence.endswith("the file does not name them. The data has 'a', 'b', 'c'.")


def test_other_classes_get_a_new_head_or_are_refused(tmp_path):
    source, model = make(outputs=2, seed=1), make(outputs=2, seed=2)
    save(source, tmp_path, task(2, class_names=("cat", "dog")))
    path, others = tmp_path / "model.safetensors", task(2, class_names=("big_dog", "small_cat"))
    wanted = r"another head \('big_dog' is none of its classes, 'cat', 'dog'\); with epochs = 0"
    with pytest.raises(CheckpointError, match=wanted):
        start_from(make(outputs=2), path, others, may_replace_head=False)
    fresh = {k: v.clone() for k, v in model.net.head.state_dict().items()}
    notes = start_from(model, path, others, may_replace_head=True)
    assert notes[-1] == "new head head" and same(model.net.trunk, source.net.trunk)
    assert all(torch.equal(v, fresh[k]) for k, v in model.net.head.state_dict().items())


def test_a_new_head_has_matched_no_classes(tmp_path):
    save(make(outputs=10), tmp_path, task(10, class_names=tuple("0123456789")))
    notes = start_from(make(), tmp_path / "model.safetensors", task(), may_replace_head=True)
    assert notes[-1] == "new head head"


def test_features_in_another_order_are_refused(tmp_path):
    item = Architecture(name="l", build=lambda: nn.Linear(2, 3), takes=("table",))
    table = {"modality": "table", "input_shape": (2,)}
    first = task(**table, feature_names=("age", "income"))
    model = build_model(Chosen(item=item, label="l"), first)
    save(model, tmp_path, first)
    path = tmp_path / "model.safetensors"
    start_from(model, path, first, may_replace_head=False)
    turned = task(**table, feature_names=("income", "age"))
    with pytest.raises(
        CheckpointError, match="feature 0 is 'age' in the file and 'income' in the d"
    ):
        start_from(model, path, turned, may_replace_head=False)
    other = task(**table, feature_names=("age", "height"))
    with pytest.raises(
        CheckpointError, match="data lacks 'income' and has 'height', which the file"
    ):
        start_from(model, path, other, may_replace_head=True)


def test_words_of_another_vocabulary_are_refused(tmp_path):
    def of(*things: str):
        text = TextCode(by="words", things=("", "\ufffd", *things), padding=0, unknown=1)
        return task(modality="tokens", input_shape=(2,), high=3.0, text=text)

    item = Architecture(name="e", takes=("tokens",), build=embedded)
    model = build_model(Chosen(item=item, label="e"), of("good", "bad"))
    save(model, tmp_path, of("good", "bad"))
    path = tmp_path / "model.safetensors"
    start_from(model, path, of("good", "bad"), may_replace_head=False)
    with pytest.raises(CheckpointError, match="feature 2 is 'good' in the file and 'bad' in the d"):
        start_from(model, path, of("bad", "good"), may_replace_head=False)
    with pytest.raises(CheckpointError, match="data lacks 'bad' and has 'fine', which the file"):
        start_from(model, path, of("good", "fine"), may_replace_head=True)
    with pytest.raises(CheckpointError, match="the file has 4 and the data 5"):
        start_from(model, path, of("good", "bad", "bad"), may_replace_head=True)


def embedded() -> nn.Module:
    return nn.Sequential(nn.Embedding(4, 2), nn.Flatten(), nn.Linear(4, 3))


def test_classes_of_boxes_are_taken_in_their_order_or_not_at_all():
    task = Task(
        modality="image",
        problem="detection",
        input_shape=(1, 8, 8),
        outputs=2,
        low=0.0,
        high=1.0,
        class_names=("cat", "dog"),
    )
    same, none = Weights(state={}, class_names=("cat", "dog")), Weights(state={})
    assert match_classes(None, task, same) == (same, "")
    assert match_classes(None, task, none) == (none, "")
    with pytest.raises(CheckpointError, match="its classes are 'dog', 'cat', and the data's are"):
        match_classes(None, task, Weights(state={}, class_names=("dog", "cat")))
