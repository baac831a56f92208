"""Files of text that are not in UTF-8 are refused, by file, line and byte."""

from pathlib import Path

import pytest

from harness.api import DataError
from harness_datasets.texts.files import read_text, refuse_other_encoding


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("good\nline\ncafé".encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.txt: it is not UTF-8: line 3 has the byte 0xe9; save"):
        read_text(path)
    with pytest.raises(DataError, match="line 3 .* or say encoding=cp1252 if it is that"):
        refuse_other_encoding(path, "cp1252")
    refuse_other_encoding(path, "utf-8")


def test_a_mark_at_the_beginning_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfabc")
    assert read_text(path) == "abc"
