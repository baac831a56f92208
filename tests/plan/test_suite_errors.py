"""What is wrong with a suite: all of it at once, each with file, line, key, got and allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.errors import ProblemsError, UsageError
from harness.plan.reader import load_suite

HEAD = '[suite]\nname = "x"\n[matrix]\narchitectures = ["mlp"]\ndatasets = ["digits"]\n'  # 5 lines
TAIL = '[[measure]]\nname = "accuracy"\n'


@pytest.fixture
def problems(catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return (line, key, message) of each problem of a text."""
    monkeypatch.chdir(tmp_path)

    def read(text: str, *settings: str) -> list[tuple[int | None, str, str]]:
        path = tmp_path / "x.toml"
        path.write_text(text)
        with pytest.raises(ProblemsError) as caught:
            load_suite(str(path), catalogue, settings=settings)
        found = caught.value.problems
        assert all(p.where in (str(path), *(f"--set {s}" for s in settings)) for p in found)
        assert caught.value.exit_code == 2
        assert str(caught.value).count("\n") == len(found) - 1
        return [(p.line, p.key, p.message) for p in found]

    return read


def test_all_problems_of_a_file_are_said_at_once(problems) -> None:
    found = problems(
        '[suite]\nname = "x"\nnmae = 1\n[matrix]\narchitectures = [\n  "mlp",\n  "lenett",\n]\n'
        'datasets = ["digit"]\nseeds = [0, -1]\n[matrx]\n[recipes.plain]\noptimizer = "adamx"\n'
        'epochs = "many"\n[hardware]\ntime_limit = "soon"\n[[measure]]\nname = "adversarial"\n'
        'attacks = [\n  "pgd",\n  "pgdd",\n]\n[[measure]]\nname = "acuracy"\n'
    )
    assert [(line, key) for line, key, _ in found] == [
        (3, "suite.nmae"),
        (7, "matrix.architectures"),
        (9, "matrix.datasets"),
        (10, "matrix.seeds"),
        (11, "matrx"),
        (13, "recipes.plain.optimizer"),
        (14, "recipes.plain.epochs"),
        (16, "hardware.time_limit"),
        (21, "measure.adversarial.attacks"),
        (23, "measure.acuracy"),
    ]
    said = [message for _, _, message in found]
    assert said[0] == "unknown key 'nmae'; did you mean 'name'?"
    assert (
        said[1]
        == "no architecture is named 'lenett'; did you mean 'lenet' or 'alexnet' or 'resnet'?"
    )
    assert said[3] == "a number of at least 0 is allowed; got -1"
    assert said[4] == "unknown table 'matrx'; did you mean 'matrix'?"
    assert said[6] == "a whole number is allowed; got 'many'"
    assert said[7].startswith('a duration is a number of seconds or a text such as "90s"')
    assert said[8] == "no attack is named 'pgdd'; did you mean 'pgd' or 'apgd-dlr' or 'apgd-t'?"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("matrix.seeds", '["a"]', "a whole number is allowed; got 'a'"),
        ("matrix.seeds", "[true]", "a whole number is allowed; got true"),
        ("matrix.seeds", "[]", "the list is empty; at least one entry is needed"),
        ("matrix.seeds", "0", "a list is allowed; got 0"),
        ("matrix.architectures", "[]", "the list is empty"),
        ("matrix.architectures", '"mlp"', "a list is allowed; got 'mlp'"),
        ("matrix.architectures", "[3]", "a text or a table is allowed; got 3"),
        ("matrix.architectures", "[{depth = 3}]", 'an architecture needs name = "..."'),
        ("matrix.architectures", '["mlp", "!mlp"]', "every architecture is excluded"),
        ("matrix.architectures", '["!mlp"]', "name the architectures to take, or '*'"),
        ("matrix.architectures", '["mlp", "!lenett"]', "'!lenett' leaves nothing out"),
        ("matrix.datasets", '["digits", "!d*"]', "every dataset is excluded"),
        ("matrix.precision", '"fp8"', "'fp32', 'bf16' or 'fp16' or a list is allowed; got 'fp8'"),
        ("matrix.device", '["cpu", "tpu"]', "'auto', 'cpu' or 'cuda' is allowed; got 'tpu'"),
        ("matrix.optimizers", '["sgd", "adamx"]', "no optimizer is named 'adamx'"),
        ("suite.data_seed", "-1", "at least 0 is allowed; got -1"),
        ("suite.name", '"../x"', "letters, digits, '_', '.' and '-' are allowed; got '../x'"),
        ("suite.format", "2", "a newer format than this version reads (up to 1); upgrade"),
        ("recipes.plain.epochs", "1.5", "a whole number is allowed; got 1.5"),
        ("recipes.plain.epochs", "-1", "at least 0 is allowed"),
        ("recipes.plain.epochs", "0", "0 epochs on random weights"),
        ("recipes.plain.epochs", "[]", "the axis has no value"),
        ("recipes.plain.optimizer", "[]", "the axis has no value"),
        ("recipes.plain.optimizer", "5", "is allowed; got 5"),
        ("recipes.plain.optimizer", '"adamw:lr=1"', "has no option 'lr'; allowed: beta1"),
        (
            "recipes.plain.learning_rate",
            '"serch"',
            "is allowed; got 'serch'; did you mean 'search'?",
        ),
        ("recipes.plain.learning_rate", "0", "a number above 0 or 'search' is allowed; got 0"),
        ("recipes.plain.learning_rate", "nan", "a finite number"),
        ("recipes.plain.schedule", '"cosin"', "did you mean 'cosine'?"),
        ("recipes.plain.augmentations", '["flipp"]', "did you mean 'flip'?"),
        ("recipes.plain.techniques", '["emma"]', "did you mean 'ema'?"),
        ("recipes.plain.augmentations", '"flip"', "a list is allowed; got 'flip'"),
        ("recipes.plain.objective", '"mixupp"', "did you mean 'mixup'?"),
        ("recipes.plain.devices", "0", "at least 1 is allowed; got 0"),
        ("recipes.plain.devices", "65", "devices = 65 is more than batch_size = 64"),
        ("recipes.plain.accumulate", "100", "accumulate = 100 is more than batch_size = 64"),
        ("recipes.plain.freeze", '"all"', "'none' or 'trunk' is allowed; got 'all'"),
        ("recipes.plain.weights", '"none.safetensors"', "no file 'none.safetensors'"),
        ("recipes.plain.weights", '"x.toml"', "is no .safetensors, .pt, .pth or .bin file"),
        ("recipes.plain.for", "3", '[recipes.NAME.for."glob"]'),
        ("hardware.cpu_slots", "0", "at least 1 is allowed; got 0"),
        ("hardware.time_limit", "inf", "a finite number is allowed; got inf"),
        ("hardware.memory_limit", '"2 lots"', 'such as "512MB" or "2GiB"'),
    ],
)
def test_a_value_that_is_not_allowed_is_named(problems, key: str, value: str, says: str) -> None:
    table, name = key.rsplit(".", 1)
    lines = (HEAD + TAIL).splitlines()
    # the key takes the place of the one that is there, or stands in a table of its own
    there = {"matrix.architectures": 3, "matrix.datasets": 4, "suite.name": 1}
    if key in there:
        line = there[key]
        lines[line] = f"{name} = {value}"
    else:
        line = {"suite": 2, "matrix": 5}.get(table, 5)
        header = [] if table in ("suite", "matrix") else [f"[{table}]"]
        lines[line:line] = [*header, f"{name} = {value}"]
        line += len(header)
    [found] = problems("\n".join(lines))
    assert found[0] == line + 1
    assert found[1].startswith(key)
    assert says in found[2]


@pytest.mark.parametrize(
    ("table", "key", "says"),
    [
        ("suite = 3", "suite", "write [suite], a table; got 3"),
        ("matrix = []", "matrix", "write [matrix], a table; got []"),
        ("hardware = 'x'", "hardware", "write [hardware], a table; got 'x'"),
        ("recipes = 1", "recipes", "write [recipes.NAME], a table; got 1"),
        ("measure = 2", "measure", "write [[measure]], with two brackets"),
    ],
)
def test_a_table_that_is_none_is_named(problems, table: str, key: str, says: str) -> None:
    text = table + "\n"
    parts = {
        "suite": '[suite]\nname = "x"\n',
        "matrix": '[matrix]\narchitectures = ["mlp"]\ndatasets = ["digits"]\n',
        "measure": TAIL,
    }
    text += "".join(part for name, part in parts.items() if name != key)
    [(line, where, message)] = problems(text)
    assert (line, where) == (1, key)
    assert says in message


def test_an_empty_file_says_what_is_needed(problems) -> None:
    said = {key: message for _, key, message in problems("")}
    assert set(said) == {"suite.name", "matrix.architectures", "matrix.datasets", "measure"}
    assert said["suite.name"].startswith("a value is needed: names its runs")


def test_one_pair_of_brackets_around_measure_is_not_enough(problems) -> None:
    [(line, _, message)] = problems(HEAD + '[measure]\nname = "accuracy"\n')
    assert line == 6
    assert "[[measure]], with two brackets" in message


def test_options_of_a_measure_stand_in_their_own_lines(problems) -> None:
    found = problems(
        HEAD + '[[measure]]\nname = "shift"\nseverities = [1, 9]\nshifts = ["blur", "blurr"]\n'
        '[[measure]]\nname = "throughput"\nbatch_sizes = []\nsecond = 3\n[[measure]]\nseconds = 1\n'
    )
    assert [(line, key) for line, key, _ in found] == [
        (8, "measure.shift.severities"),
        (12, "measure.throughput.batch_sizes"),
        (13, "measure.throughput.second"),
        (14, "measure.2"),
    ]
    assert "at most 5 is allowed; got 9" in found[0][2]
    assert "did you mean 'seconds'?" in found[2][2]


def test_options_of_an_inline_table_stand_in_its_line(problems) -> None:
    text = HEAD.replace('["mlp"]', '[\n  "lenet",\n  {name = "mlp", depth = "deep"},\n]') + TAIL
    [(line, key, message)] = problems(text)
    assert (line, key) == (6, "matrix.architectures.mlp.depth")
    assert message == "architecture 'mlp', option 'depth': a whole number is allowed; got 'deep'"


def test_paths_that_are_not_there_are_named(problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_NO_SUCH", raising=False)
    entries = [
        '"./nothing"',
        '"nothing.csv"',
        '{name = "csv", path = "gone.csv"}',
        '"npz:path=gone.npz"',
        '{name = "imagefolder", path = "$HARNESS_NO_SUCH/x"}',
    ]
    text = HEAD.replace('["digits"]', "[\n" + ",\n".join(entries) + "\n]") + TAIL
    found = problems(text)
    assert [line for line, _, _ in found] == [6, 7, 8, 9, 10]
    for (_, key, message), words in zip(
        found,
        ["'./nothing'", "'nothing.csv'", "gone.csv", "gone.npz", "HARNESS_NO_SUCH is not set"],
        strict=True,
    ):
        assert key.startswith("matrix.datasets")
        assert words in message


@pytest.mark.parametrize("name", ["./x.docx", "x.docx"])
def test_a_path_of_a_kind_that_nothing_reads_is_named(
    problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "x.docx").touch()
    monkeypatch.chdir(tmp_path)
    [(_, _, message)] = problems(HEAD.replace("digits", name) + TAIL)
    assert message == (
        f"no data set reads {name!r}; "
        "a path may be .csv, .json, .jsonl, .npz, .parquet, .tar, .tsv, .txt, folder"
    )


def test_a_recipe_that_is_missing_is_named(problems) -> None:
    [(line, key, message)] = problems(
        HEAD + 'recipes = ["plain", "plan"]\n[recipes.plain]\nepochs = 1\n' + TAIL
    )
    assert (line, key) == (6, "matrix.recipes")
    assert message == "no recipe 'plan'; did you mean 'plain'?"


def test_overrides_for_single_architectures_are_checked(problems) -> None:
    found = problems(
        HEAD + '[recipes.plain.for."mlp*"]\nepoch = 3\n[recipes.other.for]\nmlp = 3\n' + TAIL
    )
    assert [(line, key) for line, key, _ in found] == [
        (7, 'recipes.plain.for."mlp*".epoch'),
        (9, "recipes.other.for.mlp"),
    ]


def test_an_override_that_no_architecture_takes_is_a_slip(problems) -> None:
    [(line, _, message)] = problems(HEAD + '[recipes.plain.for."mpl"]\nepochs = 3\n' + TAIL)
    assert line == 6
    assert message == "no architecture of the suite matches 'mpl'; did you mean 'mlp'?"


def test_an_axis_cannot_be_overridden(problems) -> None:
    [(line, key, message)] = problems(
        HEAD + "[recipes.plain]\nepochs = [1, 2]\n[recipes.plain.for.mlp]\nepochs = 3\n" + TAIL
    )
    assert (line, key) == (9, "recipes.plain.for.mlp.epochs")
    assert "epochs is an axis" in message


@pytest.mark.parametrize("name", ["", " x", "a\\nb", "\\u001b[31m", "\\u202e"])
def test_a_recipe_name_that_cannot_be_printed_is_refused(problems, name: str) -> None:
    [(line, _, message)] = problems(HEAD + f'[recipes."{name}"]\nepochs = 1\n' + TAIL)
    assert line == 6
    assert "cannot be printed" in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[suite]\nname = "x\n', r"x.toml:2: this is no TOML: .* at column 10"),
        ("[suite\n", r"x.toml:1: this is no TOML"),
        ("[suite]\nname = \n", r"x.toml:2: this is no TOML"),
        ("[suite]\na = 1\na = 2\n", r"x.toml:3: this is no TOML: Cannot overwrite a value"),
        ("a = [1,\n", r"this is no TOML: .* at the end of the file"),
    ],
)
def test_bad_toml_is_named_with_its_position(
    catalogue: Catalogue, tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        load_suite(str(path), catalogue)


def test_a_file_that_cannot_be_read_is_named(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b'[suite]\nname = "\xff"\n')
    with pytest.raises(UsageError, match="it is no UTF-8 text"):
        load_suite(str(path), catalogue)
    with pytest.raises(UsageError, match="is a folder"):
        load_suite(f"{tmp_path}/", catalogue)


def test_no_such_suite(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no suite is named 'quik'; did you mean 'quick'"):
        load_suite("quik", catalogue)
    with pytest.raises(UsageError, match="there is no suite file 'quik.toml'; .*quick, .*robust"):
        load_suite("quik.toml", catalogue)
    (tmp_path / "mine.toml").touch()
    for wrong in ("mine.tml", "mien.toml", "mine.tom"):
        with pytest.raises(UsageError, match=f"'{wrong}'; did you mean 'mine.toml'"):
            load_suite(wrong, catalogue)
    with pytest.raises(UsageError, match=r"'\./mime.toml'; did you mean '\./mine.toml'"):
        load_suite("./mime.toml", catalogue)
    for name in ("mlp", "resnet:depth=20", "timm/resnet18"):
        says = f"'{name}' is an architecture, and to run one give -a {name} -d DATA; (no|there is no) suite "
        with pytest.raises(UsageError, match=says):
            load_suite(name, catalogue)
    (tmp_path / "mine.toml").touch()
    with pytest.raises(UsageError, match=r"for the file write mine\.toml"):
        load_suite("mine", catalogue)
    (tmp_path / "mlp.toml").touch()
    with pytest.raises(UsageError, match=r"give -a mlp -d DATA; .*for the file write mlp\.toml"):
        load_suite("mlp", catalogue)


def test_a_dictionary_that_no_file_could_hold_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="no plain dictionary"):
        load_suite({"suite": {"name": object()}}, catalogue)


@pytest.mark.parametrize("key", ["devices", "accumulate"])
def test_an_objective_that_joins_examples_is_not_for_batches_that_are_cut(
    problems, key: str
) -> None:
    text = f'{HEAD}[recipes.plain]\n{key} = 2\nobjective = "mixup"\n{TAIL}'
    [(_, where, message)] = problems(text)
    assert where == "recipes.plain.objective"
    assert f"'mixup' joins examples of a batch, and {key} = 2 cuts each batch" in message
