"""A pickle file gives plain data or a refusal, and nothing in it runs."""

from __future__ import annotations

import collections
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import DataError
from harness_datasets.published import plain_pickle
from harness_datasets.published.plain_pickle import read_pickle

# numpy.arange(6, dtype=uint8).reshape(2, 3) under a key, as Python 2 and numpy 1 wrote it: texts are bytes there.
OF_PYTHON_2 = (
    b"\x80\x02}U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    b"(K\x01K\x02K\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"\x89U\x06\x00\x01\x02\x03\x04\x05tbs."
)


class Runs:
    """What an attacker would write: a call of a function of theirs."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


def read(path: Path, content: bytes) -> Any:
    path = path / "some.pickle"
    path.write_bytes(content)
    return read_pickle(path)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("dtype", ["uint8", ">i2", "int64", "float32", "bool"])
def test_plain_data_come_back(tmp_path: Path, protocol: int, dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    data = {"a": [1, 2.5, None, True, "é"], b"b": (b"\xff", array), "c": np.asfortranarray(array)}
    found = read(tmp_path, pickle.dumps(data, protocol=protocol))
    assert found["a"] == data["a"] and found[b"b"][0] == b"\xff"
    for one in (found[b"b"][1], found["c"]):
        assert one.dtype == array.dtype and np.array_equal(one, array)


def test_files_of_python_2(tmp_path: Path) -> None:
    found = read(tmp_path, OF_PYTHON_2)
    assert list(found) == [b"data"] and found[b"data"].tolist() == [[0, 1, 2], [3, 4, 5]]


def array_of(kind: str, raw: Any, shape: Any = (2,)) -> Any:
    parts = Runs(np.dtype, kind)
    begin = np.ndarray((0,)).__reduce__()[0]

    class Array:
        def __reduce__(self) -> Any:
            return begin, (np.ndarray, (0,), b"b"), (1, shape, parts, False, raw)

    return Array()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Runs(os.system, "exit 1"), "holds the name (posix|nt).system, and only numbers"),
        (Runs(eval, "1"), "holds the name (builtins|__builtin__).eval"),
        (collections.OrderedDict(), "holds the name collections.OrderedDict"),
        (np.float64(1), r"holds the name numpy\S*.scalar"),
        (np.array([{}, 1], dtype=object), "an array of something else than numbers"),
        (array_of("O8", b"x" * 16), "an array of the type 'O8'"),
        (array_of("u1", b"x" * 3), "3 bytes for an array uint8 of the shape"),
        (array_of("u1", b"x", (-1, -1)), r"an array of the shape \(-1, -1\)"),
        (np.dtype("u1"), "holds a _Type"),
        ({1, 2}, "cannot be read|holds"),
        ({(1, 2): 3}, "holds a tuple as a key"),
        ({1: 2, (1, 2): 3}, "holds a tuple as a key"),
        (frozenset([(1, 2)]), "cannot be read|holds"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", [2, 5])
def test_all_else_is_refused(tmp_path: Path, value: Any, words: str, protocol: int) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, pickle.dumps(value, protocol=protocol))
    assert "some.pickle" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x05",
        b"no pickle",
        b"cnumpy\ndtype\n.",
        b"]\x94h\x05.",
        b"(dR.",
        b"(I1\nI2\nI3\nd.",
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"some\.pickle"):
        read(tmp_path, content)


def test_a_function_is_never_called_through_a_name_that_is_allowed(tmp_path: Path) -> None:
    called = b"cnumpy\nndarray\n(tR."
    with pytest.raises(DataError, match="cannot be read as a pickle file"):
        read(tmp_path, called)


def test_a_file_changes_nothing_of_what_a_name_stands_for(tmp_path: Path) -> None:
    changed = b"\x80\x02c_codecs\nencode\n}X\x04\x00\x00\x00markK\x01sb."
    with pytest.raises(DataError, match="holds a change of a function"):
        read(tmp_path, changed)
    assert not vars(plain_pickle._encode)


def test_a_list_that_is_named_twice_counts_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = [1, 2, 3]
    content = pickle.dumps({"fine": labels, "coarse": labels}, protocol=2)
    assert read(tmp_path, content) == {"fine": labels, "coarse": labels}
    for most in (11, 10):  # the dictionary, two keys, two lists of three
        monkeypatch.setattr(plain_pickle, "MOST_VALUES", most)
        if most == 11:
            read(tmp_path, content)
            continue
        with pytest.raises(DataError, match="holds more than 10 values"):
            read(tmp_path, content)


def test_a_shape_of_shapes_is_told_in_short(tmp_path: Path) -> None:
    deep: Any = ()
    for _ in range(9):
        deep = (deep, deep)
    with pytest.raises(DataError, match="an array of the shape") as caught:
        read(tmp_path, pickle.dumps(array_of("u1", b"x", deep), protocol=2))
    assert len(str(caught.value)) < 1500
