"""Sentences of eight packages, no file of which is in two splits; and that a known model tells them apart."""

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from harness_datasets.built_in_options import DocstringSentencesOptions
from harness_datasets.docstring_sentences import PACKAGES, load, sentences


def test_a_known_model_tells_packages_apart_far_better_than_chance() -> None:
    data = load(DocstringSentencesOptions())
    split, names = np.array(data.split), [data.name_example(k) for k in range(len(data.targets))]
    texts = np.array(data.encode.texts, dtype=object)  # type: ignore[union-attr]
    train, test = split == "train", split == "test"
    assert len(set(texts)) == len(texts) > 2000
    for part in ("train", "validation", "test"):
        assert (np.bincount(data.targets[split == part], minlength=len(PACKAGES)) > 5).all()
    files = {part: {names[k] for k in np.flatnonzero(split == part)} for part in set(split)}
    assert not files["train"] & files["test"] and not files["validation"] & files["test"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=200))
    model.fit(texts[train], data.targets[train])
    largest = np.bincount(data.targets[test]).max() / test.sum()
    assert largest < 0.35 and 0.5 < model.score(texts[test], data.targets[test]) < 0.75


def test_sentences_are_those_of_docstrings(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        '"""Say what this\n  module is for. Too short. And once more say what\n\n>>> a b c d e f\n\nit is."""\n'
        'def f():\n    """Do all that there is to do!"""\n    """no part of it, as it is no docstring"""\n'
    )
    assert list(sentences(path)) == [
        "Say what this module is for.",
        "And once more say what",
        "Do all that there is to do!",
    ]
