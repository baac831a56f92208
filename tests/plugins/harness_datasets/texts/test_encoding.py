"""What is learnt of texts is learnt from training, and what is lost is told."""

import numpy as np

from harness_datasets.options import TokenOptions
from harness_datasets.texts.encoding import TextEncoder, fitting_length

TEXTS = ["one two", "one two three", "four four four four", ""]
TRAIN = np.array([True, True, False, True])


def test_words_of_the_test_texts_have_no_part_in_the_vocabulary() -> None:
    found = TextEncoder(TEXTS, TokenOptions())(TRAIN)
    assert found.text is not None
    assert found.text.things[2:] == ("one", "two")
    assert found.high == 3
    assert found.inputs[:, :3].tolist() == [[2, 3, 0], [2, 3, 1], [1, 1, 1], [0, 0, 0]]


def test_lengths_are_those_of_training_and_told() -> None:
    found = TextEncoder(TEXTS, TokenOptions())(TRAIN)
    assert found.inputs.shape == (4, 3)  # the longest of training; that of four is cut
    told = dict(found.notes[0].rows)
    assert told["length"] == "3 tokens; the median text has 2"
    assert told["cut at the end"] == "1 text (25.0%)"
    assert told["filled up with padding"] == "2 texts"
    assert told["unknown"] == "100.0% of the tokens that are not for training"
    assert told["empty"] == "1 text"
    assert fitting_length(np.full(100, 2000)) == 512
    assert fitting_length(np.array([0, 0])) == 2


def test_the_options_say_otherwise() -> None:
    found = TextEncoder(TEXTS, TokenOptions(by="bytes", length=5))(TRAIN)
    assert found.inputs.dtype == np.uint8 and found.high == 255
    assert bytes(found.inputs[1]) == b"one t"


def test_texts_that_begin_alike_are_no_copies() -> None:
    found = TextEncoder(["same start one", "same start two"], TokenOptions(length=2))(
        np.array([True, True])
    )
    assert found.content is not None and len(np.unique(found.content, axis=0)) == 2
