"""Tables as people have them, from the file to what models are given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from table_cases import found, prepare_table, taken, write

from harness.api import DataError
from harness.data.notes import read_notes
from harness_datasets import table
from harness_datasets.tables.options import TableOptions

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=400).round(4).tolist()


def sorted_by_class(rows: int = 400) -> list[tuple[Any, ...]]:
    return [(n, NOISE[n], int(n >= rows / 2)) for n in range(rows)]


def test_an_index_that_was_written_along_is_no_feature(tmp_path: Path) -> None:
    data = prepare_table(tmp_path, write(tmp_path, ",x,y", sorted_by_class()))
    assert data.task.feature_names == ("x",)
    assert taken(data)["column 1"][0] == "left out"
    assert found(data)["index-decides"].numbers["score"] > 0.99
    kept = prepare_table(tmp_path / "kept", tmp_path / "data.csv", keep="column 1")
    assert kept.task.feature_names == ("column 1", "x")
    assert found(kept)["decides-alone"].flag == "one feature decides alone"
    assert "index-like" in found(kept)


def test_rows_in_the_order_of_their_classes_are_told(tmp_path: Path) -> None:
    """50 of each of three, an index beside them: which rows a cut tests near two borders decides no answer."""
    sorted_rows = [(n, NOISE[n], "abc"[n // 50]) for n in range(150)]
    data = prepare_table(tmp_path, write(tmp_path, "number,x,y", sorted_rows))
    assert (
        "rows of one class follow each other: 150 rows in 3 runs"
        in found(data)["index-decides"].sentence
    )
    mixed = [(n, NOISE[n], "abc"[int(k) // 50]) for n, k in enumerate(RANDOM.permutation(150))]
    data = prepare_table(tmp_path / "mixed", write(tmp_path, "number,x,y", mixed))
    assert taken(data)["number"][0] == "left out" and "index-decides" not in found(data)


def test_blanks_make_no_class_and_no_category(tmp_path: Path) -> None:
    rows = [
        f"{NOISE[n]},{('red', 'blue', 'red ')[n % 3]},{('cat', 'cat ', 'dog', ' dog')[n % 4]}"
        for n in range(80)
    ]
    data = prepare_table(tmp_path, write(tmp_path, "x,colour,y", rows))
    assert data.task.class_names == ("cat", "dog")
    assert data.task.feature_names == ("x", "colour = blue", "colour = red")
    for column in ("colour", "y"):
        assert "; blanks around words removed" in taken(data)[column][1]
    everywhere = [f"{NOISE[n]}, {['red', 'blue'][n % 2]}, {n % 2}" for n in range(80)]
    data = prepare_table(tmp_path / "aligned", write(tmp_path, "x, colour, y", everywhere))
    assert "blanks" not in taken(data)["colour"][1]


@pytest.mark.parametrize("option", ["drop", "keep", "categories", "dates", "group", "order", "key"])
def test_no_option_names_the_target(tmp_path: Path, option: str) -> None:
    """It would do nothing, or cut by what is to be predicted."""
    path = write(tmp_path, "x,y", [(NOISE[n], n % 2) for n in range(80)])
    with pytest.raises(
        DataError, match=f"{option} names 'y', which is to be predicted, the last col"
    ):
        prepare_table(tmp_path, path, **{option: "y"})


def test_a_column_that_is_named_as_an_identifier_is_found(tmp_path: Path) -> None:
    rows = [(1000 + 7 * n % 83, NOISE[n], int(NOISE[n] > 0)) for n in range(80)]
    data = prepare_table(tmp_path, write(tmp_path, "id,x,y", rows), keep="id")
    assert found(data)["index-like"].sentence.endswith(": 'id'.")


def test_decimal_commas_and_a_question_mark_make_no_categories(tmp_path: Path) -> None:
    rows = [f"{NOISE[n]};{'?' if n == 7 else n % 20};{n % 2}".replace(".", ",") for n in range(102)]
    data = prepare_table(tmp_path, write(tmp_path, "a;b;y", rows))
    assert data.task.feature_names == ("a", "b")
    assert taken(data)["a"][1].endswith("decimal comma")
    assert "1 of 102 missing ('?'); missing ones become the median" in taken(data)["b"][1]


def test_values_are_learnt_from_training_rows(tmp_path: Path) -> None:
    rows = [("" if n % 10 == 0 else n * n, n % 2) for n in range(100)]
    data = prepare_table(tmp_path, write(tmp_path, "x,y", rows))
    train = data.array("split") == 0
    median = np.median([n * n for n in np.flatnonzero(train) if n % 10])
    assert set(data.array("inputs")[::10, 0].tolist()) == {median}


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [f"{NOISE[n]},{'' if n in (3, 50) else n % 2}" for n in range(100)]
    data = prepare_table(tmp_path, write(tmp_path, "x,y", rows))
    assert sum(data.task.counts.values()) == 98
    assert found(data)["rows-without-target"].sentence == (
        "2 of 100 rows have no 'y' and are left out, the first at data.csv, line 5."
    )


def test_a_forgotten_problem_is_found(tmp_path: Path) -> None:
    rows = [(NOISE[n], 1000 + (n * 37) % 371) for n in range(397)]
    path = write(tmp_path, "x,salary", rows)
    assert table.settle(TableOptions(path=str(path))) == {"problem": "regression"}
    data = prepare_table(tmp_path, path)
    assert data.task.problem == "regression"
    one = found(data)["problem-guessed"]
    assert "371 different whole numbers" in one.sentence and "problem=classification" in one.advice
    assert table.settle(TableOptions(path=str(path), problem="classification")) == {}


def test_the_cut_does_not_depend_on_what_becomes_of_the_columns(tmp_path: Path) -> None:
    rows = [(n, NOISE[n], n % 7, "ab"[n % 2], NOISE[-n], n % 3) for n in range(200)]
    path = write(tmp_path, ",a,b,c,d,y", rows)
    whole = prepare_table(tmp_path / "whole", path).array("split")
    for place, options in enumerate(
        ({"drop": ["a", "c"]}, {"missing": "mean"}, {"categories": "b"}, {"keep": "column 1"})
    ):
        other = prepare_table(tmp_path / str(place), path, **options)
        assert np.array_equal(whole, other.array("split"))
    assert not np.array_equal(whole, prepare_table(tmp_path / "seed", path, seed=1).array("split"))


def test_a_file_is_cut_alike_in_another_order_and_with_its_index(tmp_path: Path) -> None:
    rows = [(NOISE[n], n % 7, n % 3) for n in range(200)]
    whole = prepare_table(tmp_path / "a", write(tmp_path / "a", "a,b,y", rows)).array("split")
    order = RANDOM.permutation(200)
    shuffled = write(tmp_path / "b", "a,b,y", [rows[n] for n in order])
    assert np.array_equal(prepare_table(tmp_path / "b", shuffled).array("split"), whole[order])
    numbered = [(n, *row) for n, row in enumerate(rows)]
    with_index = write(tmp_path / "c", ",a,b,y", numbered)
    assert np.array_equal(prepare_table(tmp_path / "c", with_index).array("split"), whole)
    both = write(tmp_path / "d", ",a,b,y", [numbered[n] for n in order])
    assert np.array_equal(prepare_table(tmp_path / "d", both).array("split"), whole[order])


def test_a_key_cuts_a_file_alike_whatever_columns_it_has(tmp_path: Path) -> None:
    rows = [(f"r{n}", NOISE[n], n % 7, n % 3) for n in range(200)]
    one = write(tmp_path / "a", "name,a,b,y", rows)
    other = write(tmp_path / "b", "name,a,y", [(row[0], row[1], row[3]) for row in rows])
    first = prepare_table(tmp_path / "a", one, key="name")
    second = prepare_table(tmp_path / "b", other, key="name")
    assert np.array_equal(first.array("split"), second.array("split"))
    assert taken(first)["name"][0] == "key" and "name" not in first.task.feature_names
    by_number = [
        prepare_table(tmp_path / name / "n", path, key="#").array("split")
        for name, path in (("a", one), ("b", other))
    ]
    assert np.array_equal(*by_number)


def test_groups_stay_together_and_are_no_feature(tmp_path: Path) -> None:
    rows = [(f"p{n // 4}", NOISE[n], n % 2) for n in range(200)]
    path = write(tmp_path, "patient_id,x,y", rows)
    assert "groups" in found(prepare_table(tmp_path / "a", path))
    data = prepare_table(tmp_path / "b", path, group="patient_id")
    split = data.array("split")
    assert all(len(set(split[4 * p : 4 * p + 4].tolist())) == 1 for p in range(50))
    assert data.task.feature_names == ("x",) and taken(data)["patient_id"][0] == "group"
    assert "groups" not in found(data)


@pytest.mark.parametrize("unit", ["date", "number"])
def test_a_cut_by_time(tmp_path: Path, unit: str) -> None:
    days = RANDOM.permutation(100)
    when = [f"2024-{n // 28 + 1:02d}-{n % 28 + 1:02d}" if unit == "date" else 5 * n for n in days]
    rows = [(when[n], NOISE[n], n % 2) for n in range(100)]
    data = prepare_table(tmp_path, write(tmp_path, "when,x,y", rows), order="when")
    split = data.array("split")
    assert days[split == 0].max() < days[split == 1].min()
    assert days[split == 1].max() < days[split == 2].min()
    assert data.task.feature_names == ("x",)
    kept = prepare_table(tmp_path / "kept", tmp_path / "data.csv", order="when", keep="when")
    assert len(kept.task.feature_names) > 1


def test_rows_in_order_of_time_are_told(tmp_path: Path) -> None:
    rows = [(f"2024-{n // 28 + 1:02d}-{n % 28 + 1:02d}", NOISE[n], n % 2) for n in range(100)]
    data = prepare_table(tmp_path, write(tmp_path, "when,x,y", rows))
    assert "order=when" in found(data)["in-order-of-time"].advice


def test_the_order_of_the_rows_can_be_that_of_time(tmp_path: Path) -> None:
    rows = [(NOISE[n], NOISE[n - 1]) for n in range(1, 100)]
    split = prepare_table(tmp_path, write(tmp_path, "y,before", rows), order="#", target="y").array(
        "split"
    )
    assert (np.diff(split.astype(int)) >= 0).all() and set(split.tolist()) == {0, 1, 2}


def test_a_lagged_series_that_was_cut_at_random_is_told(tmp_path: Path) -> None:
    walk = np.cumsum(NOISE).round(3).tolist()
    rows = [(walk[n - 1], walk[n - 2], walk[n]) for n in range(2, 202)]
    path = write(tmp_path, "lag1,lag2,y", rows)
    one = found(prepare_table(tmp_path / "a", path))["neighbours-alike"]
    assert "test rows were drawn between" in one.sentence and 'order="#"' in one.advice
    assert "neighbours-alike" not in found(prepare_table(tmp_path / "b", path, order="#"))


def test_a_word_that_training_has_not_does_not_explode(tmp_path: Path) -> None:
    rows = [(f"w{n // 2}", n * 0.5, float(n)) for n in range(100)]
    data = prepare_table(tmp_path, write(tmp_path, "w,s,y", rows))
    std = np.array(data.task.std)
    assert (std > 0.01).all() and np.abs(data.array("inputs")).max() < 100


def test_far_values_are_brought_nearer_and_named(tmp_path: Path) -> None:
    rows = [[NOISE[n], n % 2] for n in range(200)]
    split = prepare_table(tmp_path / "a", write(tmp_path, "x,y", rows), key="#").array("split")
    row = int(np.flatnonzero(split == 2)[0])
    rows[row][0] = 1e6
    data = prepare_table(tmp_path / "b", write(tmp_path, "x,y", rows), key="#")
    assert data.array("inputs").max() < 30
    sentence = found(data)["clipped"].sentence
    assert (
        sentence.startswith("1 cell lies more") and f"'x' at data.csv, line {row + 2}." in sentence
    )


@pytest.mark.parametrize("rows", [60, 400])
def test_one_column_that_decides_alone(tmp_path: Path, rows: int) -> None:
    lines = [(NOISE[n], NOISE[-n - 1], 2 * NOISE[n] + 0.5) for n in range(rows)]
    one = found(prepare_table(tmp_path, write(tmp_path, "a,b,y", lines)))["decides-alone"]
    assert one.sentence.startswith("'a' alone predicts the target: R2 1.000")
    weak = [(NOISE[n], NOISE[-n - 1], 2 * NOISE[n] + NOISE[-n - 1]) for n in range(rows)]
    data = prepare_table(tmp_path / "weak", write(tmp_path, "a,b,y", weak))
    assert "decides-alone" not in found(data)


def test_a_table_of_the_usual_kind_has_no_finding(tmp_path: Path) -> None:
    rows = [(NOISE[n], "abc"[n % 3], NOISE[-n - 1], "yn"[n % 2]) for n in range(200)]
    data = prepare_table(tmp_path, write(tmp_path, "a,b,c,y", rows))
    assert found(data) == {}
    (title,) = {note.title for note in read_notes(data.folder)}
    assert title == "Columns of data.csv: 0 of 4 left out or changed"


def test_columns_and_rows_that_say_little_or_the_same(tmp_path: Path) -> None:
    rows = [(NOISE[n], NOISE[n], int(n == 5), n % 2) for n in range(300)]
    data = prepare_table(tmp_path, write(tmp_path, "a,b,c,y", rows))
    codes = found(data)
    words = "Columns are nearly constant: 'c' (99.7% one value)."
    assert codes["near-constant"].sentence == words
    assert codes["duplicate-columns"].sentence == "Columns hold the same: 'a' and 'b'."


def test_messages_name_file_line_and_column(tmp_path: Path) -> None:
    rows = [f'"two\nlines {n % 2}",{NOISE[n]},{n % 2}' for n in range(50)]
    rows[10] = f'"two\nlines 0",,{0}'
    path = write(tmp_path, "a,b,y", rows)
    with pytest.raises(DataError, match="data.csv, line 22, column 'b' is missing"):
        prepare_table(tmp_path, path, missing="refuse")
    with pytest.raises(
        DataError, match="data.csv, line 22: 'b', which gives the order, is missing"
    ):
        prepare_table(tmp_path, path, order="b")


def test_nothing_left_to_learn_from(tmp_path: Path) -> None:
    rows = [(n, "always", n % 2) for n in range(50)]
    with pytest.raises(
        DataError, match=r"no column is left to learn from \('id': an index: 0, 1 .*'always'"
    ):
        prepare_table(tmp_path, write(tmp_path, "id,c,y", rows))


def test_texts_that_are_left_out_can_be_learnt_from_otherwise(tmp_path: Path) -> None:
    rows = [(f"word {n}", f"answer {n % 20}") for n in range(60)]
    path = write(tmp_path, "words,answer", rows)
    with pytest.raises(DataError) as raised:
        prepare_table(tmp_path, path)
    assert str(raised.value).endswith(
        "('words': it names the rows: 60 different words in 60 rows (100%)); text=words learns from its text, "
        "problem=sequence_to_sequence,source=words,target=answer from texts that answer it"
    )
    rows = [(f"word {n}", f"answer {n}") for n in range(60)]
    with pytest.raises(
        DataError,
        match="insists, problem=sequence_to_sequence,source=words,target=answer where its texts answer another's",
    ):
        prepare_table(tmp_path, write(tmp_path, "words,answer", rows))
    numbers = [(f"word {n}", n * 1.5) for n in range(60)]
    with pytest.raises(DataError, match=r"; text=words learns from its text$"):
        prepare_table(tmp_path, write(tmp_path, "words,y", numbers))


def test_options_that_do_not_agree() -> None:
    for options, words in (
        ({"group": "a", "order": "b"}, "give group or order, not both"),
        ({"drop": ["y"], "target": "y"}, "'y' is in drop, and target names it"),
        ({"drop": "a", "categories": "a"}, "'a' is in drop and to be taken"),
    ):
        with pytest.raises(ValueError, match=words):
            TableOptions(path="x", **options)
    assert TableOptions(path="x", drop=[1, "b"]).drop == ("1", "b")


def test_what_could_be_read_otherwise_is_found(tmp_path: Path) -> None:
    """Thousands that could be decimals, a first line that is a row, and numbers in columns of words."""
    rows = [f"{n % 9 + 1},{n};{n * n} cm;{n % 15} kg;{'ab'[n % 2]}" for n in range(100, 180)]
    path = write(tmp_path, "income;length;mass;y", ["950;3 cm;1 kg;a", *rows])
    data = prepare_table(tmp_path / "a", path)
    assert taken(data)["income"][2] == "decimal=,"
    assert [taken(data)[name][0] for name in ("length", "mass")] == ["left out", "category"]
    findings = found(data)
    assert "'income' (2,100 read as 2100)" in findings["thousands-or-decimals"].sentence
    assert "decimal=," in findings["thousands-or-decimals"].advice
    assert (
        "'length' (such as '3 cm'), 'mass' (such as '1 kg')"
        in findings["numbers-in-words"].sentence
    )
    assert "row-as-names" not in findings
    bare = write(tmp_path, "0.1257,a", [f"{n * 0.37:.2f},{'ab'[n % 2]}" for n in range(60)])
    sentence = found(prepare_table(tmp_path / "b", bare))["row-as-names"]
    assert "'0.1257', 'a'" in sentence.sentence and "header=false" in sentence.advice
    assert "row-as-names" not in found(prepare_table(tmp_path / "c", bare, header=False))


def test_digits_that_are_lost_are_found(tmp_path: Path) -> None:
    rows = [(2**62 * (n % 2) + n, n % 7, "ab"[n % 3 == 0]) for n in range(60)]
    data = prepare_table(tmp_path / "a", write(tmp_path, "long,x,y", rows))
    assert "'long' (" in found(data)["digits-lost"].sentence


def test_a_key_that_a_few_rows_have_beyond_the_others_is_not_the_target(tmp_path):
    rows = [f'{{"x": {n}.5, "y": "{"ab"[n % 2]}"}}' for n in range(60)]
    rows[40] = rows[40].replace("}", ', "remark": "wet"}')
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(rows))
    data = prepare_table(tmp_path / "out", path)
    assert data.task.class_names == ("a", "b")
    one = found(data)["keys-behind-target"]
    assert one.sentence == (
        "The target is 'y', the last key of most rows of data.jsonl; others come last in some: 'remark' (1 row)."
    )
    asked = prepare_table(tmp_path / "asked", path, target="y")
    assert "keys-behind-target" not in found(asked)
