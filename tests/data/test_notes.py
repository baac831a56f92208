"""Notes beside a prepared data set: kept, read back, said in a log."""

import pytest

from harness.data.notes import DataNote, read_notes, say_notes, write_notes

NOTE = DataNote(
    title="Columns of data.csv",
    header=("column", "taken for"),
    rows=(("height", "number"), ("id", "left out, <b>[bold]")),
    told=(1,),
)


def test_notes_are_read_back_as_they_were_written(tmp_path):
    assert read_notes(tmp_path) == () and read_notes(None) == ()
    write_notes(tmp_path, [NOTE, DataNote(title="none", header=("é",), rows=())])
    assert read_notes(tmp_path) == (NOTE, DataNote(title="none", header=("é",), rows=()))


def test_what_is_told_in_short():
    assert NOTE.shown(whole=True) == NOTE.rows
    assert NOTE.shown(whole=False) == (NOTE.rows[1],)


def test_a_log_has_columns_below_one_another():
    assert say_notes([NOTE]) == [
        "Columns of data.csv",
        "  column  taken for",
        "  height  number",
        "  id      left out, <b>[bold]",
    ]


def test_a_row_has_the_length_of_the_header():
    with pytest.raises(ValueError, match="2 columns, but the row"):
        DataNote(title="x", header=("a", "b"), rows=(("1",),))
