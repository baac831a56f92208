"""Large files of plain text give what small ones do, and what is not plain is left to the rules for those."""

from threading import Event

import numpy as np
import pytest
from table_cases import found, prepare_table, taken, write

from harness.api import DataError
from harness.api.declaring import in_parallel
from harness_datasets.tables import files, plain_text
from harness_datasets.tables.columns import take_columns
from harness_datasets.tables.files import read_table
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.plain_text import read_plain
from harness_datasets.tables.row_keys import hash_rows
from harness_datasets.tables.stored_cells import NumberCells, StoredCells
from harness_datasets.tables.target import read_target


def mixed(rows: int = 300) -> list[list[str]]:
    """Columns of each kind, some with missing cells, an index, codes, thousands and copies of rows."""
    draw = np.random.default_rng(0)
    lines = []
    for row in range(rows):
        x = draw.normal()
        lines.append(
            [
                str(row),
                f"{x:.4f}",
                "" if row % 7 == 0 else f"{draw.normal():.3e}",
                ["oak", "ash", "elm"][row % 3],
                f"0{row % 40:02}",
                f"2024-{row % 12 + 1:02}-{row % 27 + 1:02}",
                "yes" if row % 2 else "no",
                ["n/a", "7", "8"][row % 3],
                ["5 %", "7 %"][row % 2],
                "é" if row % 5 else "inf",
                "up" if x > 0 else "down",
            ]
        )
    return [*lines, *(["1000", *lines[5][1:]] for _ in range(3))]


HEADER = "row,x,y,tree,code,day,flag,odd,share,letter,label"


@pytest.mark.parametrize(
    "options", [{}, {"na": ["7"]}, {"target": "x"}, {"group": "tree"}, {"order": "day"}]
)
@pytest.mark.parametrize("quoted", [False, True])
def test_a_large_file_is_prepared_as_a_small_one(tmp_path, monkeypatch, options, quoted):
    rows = [[f'"{cell}"' if quoted and cell.isalpha() else cell for cell in row] for row in mixed()]
    path = write(tmp_path, HEADER, rows)
    small = prepare_table(tmp_path / "small", path, **options)
    monkeypatch.setattr(files, "LARGE", 0)
    monkeypatch.setattr(plain_text, "_BLOCK", 4096)
    read = read_table(path, TableOptions(path=str(path)))
    assert all(isinstance(cells, StoredCells) for cells in read.columns)
    large = prepare_table(tmp_path / "large", path, **options)
    assert taken(large) == taken(small) and found(large) == found(small)
    for one in small.folder.iterdir():
        assert (large.folder / one.name).read_bytes() == one.read_bytes(), one.name


def decimals(late: str = "", rows: int = 60) -> list[list[str]]:
    """Columns of decimals, of numbers with three digits behind a point, of few numbers, of whole ones and of codes; late: a cell
    of the first column behind the middle.
    """
    draw = np.random.default_rng(0)
    lines = []
    for row in range(rows):
        x, y = draw.normal(size=2)
        cells = [f"{x:.4f}", f"{5 + abs(y):.3f}", f"{row % 3 / 2}", f"{row * row}", f"0{row % 7}.5"]
        lines.append([*cells, f"0{row % 40:02}", f"{x + y:.2f}", "up" if x > 0 else "down"])
    if late:
        lines[rows * 2 // 3][0] = "" if late == "empty" else late
    return lines


WIDE = "x,y,few,whole,half,code,sum,label"
LATE = [
    "empty", "1e5", "1E-5", "-0.0", "7.", ".5", "12", "0012", "+1", "nan", "NaN", "NA", "inf", "-inf", "1e400", "1_000", "0x1",
    "9007199254740993", "123456789012345678901.5", "true", "2024-03-01", "word", "?", '"0.25"', '""', " 3", "3 ", "1 000",
    "\u0661", "\u22121.5", "5%",
]  # fmt: skip


def without_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read every file as a large one, and columns as numbers of whose cells ten were looked at."""
    monkeypatch.setattr(files, "LARGE", 0)
    monkeypatch.setattr(plain_text, "_BLOCK", 1024)
    monkeypatch.setattr(plain_text, "_FIRST", 10)


@pytest.mark.parametrize("late", ["", *LATE])
def test_columns_read_as_numbers_are_those_read_as_texts(tmp_path, monkeypatch, late):
    path = write(tmp_path, WIDE, decimals(late))
    options = TableOptions(path=str(path))
    small = read_table(path, options)
    without_texts(monkeypatch)
    large = read_table(path, options)
    if late in ("", "empty", "1e5", "-0.0", "0012", "9007199254740993"):
        assert [isinstance(cells, NumberCells) for cells in large.columns] == [
            place not in (1, 3, 5, 7) for place in range(8)
        ]
    assert_alike(large, small, options, ["x", "sum", "label"])
    rows = np.array([0, 3, 45, 41])
    assert [[*c] for c in large.take(rows).columns] == [[*c] for c in small.take(rows).columns]
    assert [list(cells) for cells in large.columns] == [list(cells) for cells in small.columns]


@pytest.mark.parametrize("given", [{"na": ["12"]}, {"na": ["0"]}, {"decimal": ","}])
def test_options_that_ask_for_texts_have_them(tmp_path, monkeypatch, given):
    path = write(tmp_path, WIDE, decimals("12"))
    options = TableOptions(path=str(path), **given)
    small = read_table(path, options)
    without_texts(monkeypatch)
    assert_alike(read_table(path, options), small, options, ["x", "label"])


def assert_alike(large, small, options, targets):
    """Assert that columns, targets and keys of rows are the same."""
    for few, many in zip(
        take_columns(small, options, []), take_columns(large, options, []), strict=True
    ):
        assert {**vars(many), "values": 0, "dates": 0} == {**vars(few), "values": 0, "dates": 0}
        assert (many.values is None) == (few.values is None)
        if few.values is not None:
            assert np.array_equal(many.values, few.values, equal_nan=True)
    for name in targets:
        asked = options.model_copy(update={"target": name})
        assert target_of(large, asked) == target_of(small, asked)
    assert np.array_equal(hash_rows(large, large.names), hash_rows(small, small.names))


def target_of(table, options):
    """What the target is taken for, or why it is refused."""
    try:
        found = vars(read_target(table, options))
    except DataError as error:
        return str(error)
    return {
        name: one.tolist() if isinstance(one, np.ndarray) else one for name, one in found.items()
    }


def test_blanks_in_names_leave_cells_bare(tmp_path, monkeypatch):
    without_texts(monkeypatch)
    plain = read_plain(write(tmp_path, "the height, a b", [["0.5", "x"]] * 700), ",")
    assert plain.header == ["the height", "a b"] and plain.bare
    assert isinstance(plain.columns[0], NumberCells) and len(plain.columns[1]) == 700


@pytest.mark.parametrize(
    ("cells", "told"),
    [(['"cat"', '" cat"'], set()), (["cat", " cat"], set()), (['"cat"', '"cat "'], {"a"}), (["cat", "cat "], {"a"})],
)  # fmt: skip
def test_blanks_around_words_are_told_of_large_files_as_of_small_ones(
    tmp_path, monkeypatch, cells, told
):
    path = write(tmp_path, "b,a", [["1.5", cells[row % 2]] for row in range(20)])
    options = TableOptions(path=str(path))
    small = read_table(path, options)
    without_texts(monkeypatch)
    large = read_table(path, options)
    assert isinstance(large.columns[1], StoredCells)
    assert large.padded == small.padded == told
    assert [*large.columns[1]] == [*small.columns[1]] == ["cat"] * 20


@pytest.mark.parametrize("late", ["", "empty", "inf"])
def test_a_file_of_decimals_is_prepared_as_a_small_one(tmp_path, monkeypatch, late):
    path = write(tmp_path, WIDE, decimals(late, 200))
    small = prepare_table(tmp_path / "small", path)
    without_texts(monkeypatch)
    large = prepare_table(tmp_path / "large", path)
    assert taken(large) == taken(small) and found(large) == found(small)
    for one in small.folder.iterdir():
        assert (large.folder / one.name).read_bytes() == one.read_bytes(), one.name


def test_a_blank_row_of_decimals_is_left_to_the_rules(tmp_path, monkeypatch):
    without_texts(monkeypatch)
    rows = [["0.5", "1.25"]] * 12
    assert read_plain(write(tmp_path, "a,b", rows), ",") is not None
    assert read_plain(write(tmp_path, "a,b", [*rows, ["", ""], *rows]), ",") is None


def test_texts_that_several_threads_ask_for_are_read_once(tmp_path, monkeypatch):
    plain = read_plain(write(tmp_path, WIDE, decimals("", 3000)), ",")
    numbers = [cells for cells in plain.columns if isinstance(cells, NumberCells)]
    calls, read, again = [], plain_text._read_texts, Event()

    def counted(*given):
        calls.append(given)
        if len(calls) > 1:
            again.set()
        again.wait(0.2)  # so that another thread could come, too
        return read(*given)

    monkeypatch.setattr(plain_text, "_read_texts", counted)
    # What `column` asks, which in Python 3.11 has a lock of its own.
    last = list(in_parallel(lambda cells: cells._texts()[-1].as_py(), numbers, 4))
    assert last == [decimals("", 3000)[-1][plain.columns.index(one)] for one in numbers]
    assert len(numbers) > 2 and len(calls) == 1


def test_a_file_that_lost_rows_since_it_was_read_is_refused(tmp_path, monkeypatch):
    without_texts(monkeypatch)
    path = write(tmp_path, "a,b", [["0.5", "1.25"]] * 12)
    plain = read_plain(path, ",")
    write(tmp_path, "a,b", [["0.5", "1.25"]] * 11)
    assert plain.columns[0][9] == "0.5"
    with pytest.raises(DataError, match="was changed while it was read"):
        list(plain.columns[0])


def test_cells_are_those_of_small_files(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa ;b;c\r\n 1; x;\r\n2 ;x ;\xc3\xa9\r\n;y;5")
    small = read_table(path, TableOptions(path=str(path)))
    monkeypatch.setattr(files, "LARGE", 0)
    large = read_table(path, TableOptions(path=str(path)))
    assert isinstance(large.columns[0], StoredCells)
    assert [list(cells) for cells in large.columns] == [list(cells) for cells in small.columns]
    assert (large.names, large.padded, list(large.lines)) == (
        small.names,
        small.padded,
        list(small.lines),
    )
    assert (large.separator, large.encoding, large.place(2)) == (";", "utf-8", "a.csv, line 4")


@pytest.mark.parametrize(
    "text",
    [
        b"a,b\n1,2\n3\n",  # a short row
        b"a,b\n1,2\n3,4,5\n",  # a long one
        b"a,b\n1,2\n\n3,4\n",  # a blank line
        b"a,b\n1,2\n3,4\n\n",
        b"a,b\n\n1,2\n",
        b"\na,b\n1,2\n",
        b", \n1,2\n3,4\n",  # a header of nothing but separators
        b"a,b\r\n1,2\r\n\r\n3,4\r\n",
        b"a,b\n1,2\n\r\n3,4\n",
        b"a,b\n1,2\n,\n3,4\n",  # nothing but separators
        b'a,b\n1,"x\ny"\n3,4\n',  # a cell of two lines
        b'a,"b\nc",d\n1,2\n3,4\n',  # a name of two
        b'a,b\n1,"x,y"\n3,"say ""so"""\n',  # quotes inside of one
        b'a,b\n1,5" pipe\n3,6" pipe\n',
        b'a,b\n1, "x"\n3,y\n',  # a blank before a quote
        b"a,b\n1,\xe9\n3,y\n",  # no UTF-8
        b"a,b\n1,x\0\n3,y\n",
        b"a,b\n1,2\r3,4\n",  # lines that end in three ways
        b"a,b\n",
        b"",
    ],
)
def test_what_is_not_plain_is_left_to_the_rules(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    assert read_plain(path, ",") is None


def test_a_fault_in_a_large_file_is_told_by_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGE", 0)
    path = write(tmp_path, "a,b", [["1", "2"], ["3", "4", "5"]])
    with pytest.raises(Exception, match="line 3 has 3 cells, and there are 2 columns"):
        read_table(path, TableOptions(path=str(path)))
