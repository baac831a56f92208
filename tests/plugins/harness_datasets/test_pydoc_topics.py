"""English of Python's help as windows of bytes."""

from pydoc_data.topics import topics

import numpy as np

from harness_datasets.built_in_options import PydocTopicsOptions
from harness_datasets.pydoc_topics import find_files, load
from harness_datasets.text_windows import windows


def test_windows_follow_one_another_and_hold_what_comes_next():
    found = windows(b"abcdefghij", 4, 1)
    assert [bytes(row) for row in found] == [b"abcde", b"efghi"]
    assert windows(b"abcd", 4, 1).shape == (0, 5) and windows(b"abcd", 4).shape == (1, 4)


def test_the_targets_are_the_inputs_a_byte_later_and_topics_stay_whole():
    data = load(PydocTopicsOptions(length=100))
    assert data.inputs.shape == data.targets.shape and data.inputs.shape[1] == 100
    assert np.array_equal(data.inputs[:, 1:], data.targets[:, :-1])
    first = min(topics)
    mine = data.inputs[data.groups == 0]
    assert topics[first].encode().startswith(mine.tobytes()) and len(mine) > 1
    assert sum(data.groups == 0) == (len(topics[first].encode()) - 1) // 100
    assert repr(first) in data.name_example(0)
    assert find_files()[0].endswith("topics.py")
