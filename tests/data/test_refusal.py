"""A shift that does not apply to the data says so in place of a copy, and the other severities are made."""

import pytest
from data_cases import CPU, images, prepared, shift

from harness.data.corrupt import corrupt
from harness.data.prepared import PreparedData
from harness.data.refusal import write_refusal
from harness.data.streamed import open_copy
from harness.errors import NotApplicable


def test_the_reason_stands_in_place_of_the_copy(tmp_path):
    def refuse(inputs, severity):
        if severity == 4:
            raise NotApplicable("hue is of colours")
        return inputs

    folders = {severity: tmp_path / str(severity) for severity in (3, 4)}
    for folder in (tmp_path / "clean", *folders.values()):
        folder.mkdir()
    prepared(tmp_path / "clean", images())
    made = corrupt(tmp_path / "clean", shift(refuse), folders, 5)
    assert isinstance(made[4], NotApplicable)
    write_refusal(folders[4], made[4])
    assert [path.name for path in folders[4].iterdir()] == ["refused.json"]
    clean = PreparedData.open(tmp_path / "clean")
    assert len(open_copy(folders[3], clean, find, CPU)) == 12
    with pytest.raises(NotApplicable, match="hue is of colours"):
        open_copy(folders[4], clean, find, CPU)


def find(kind, spec):
    raise AssertionError("nothing is streamed here")
