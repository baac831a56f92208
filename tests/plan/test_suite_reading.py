"""What a suite means once it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.host import Host
from harness.catalogue.kinds import Optimizer
from harness.errors import UsageError
from harness.plan.files import open_path
from harness.plan.names import default_item
from harness.plan.quantities import parse_duration, parse_size
from harness.plan.reader import load_suite


def test_a_small_suite_gets_its_defaults(catalogue: Catalogue) -> None:
    suite = load_suite(
        {
            "suite": {"name": "x"},
            "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
            "measure": [{"name": "accuracy"}],
        },
        catalogue,
    )
    [recipe] = suite.recipes
    assert (recipe.name, recipe.training.optimizer.label) == ("plain", "adamw")
    assert (recipe.training.epochs, recipe.training.batch_size) == (None, 64)
    assert (suite.seeds, suite.precisions, suite.devices) == ((0,), ("fp32",), ("auto",))


def test_globs_and_exclusions(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["matrix"]["architectures"] = [
        "[mglu]*",
        "mlp:depth=[1,2,3]",
        "!g*",
        "!*:depth=3",
        "!m[!l]*",
    ]
    suite = load_suite(small, catalogue)
    assert [one.label for one in suite.architectures] == [
        "linear",
        "mlp",
        "lenet",
        "unet",
        "lstm",
        "mlp:depth=1",
    ]


def test_doubles_count_once(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["matrix"] |= {"architectures": ["mlp", "ml*", "mlp:depth=2"], "seeds": [1, 0, 1]}
    small["measure"] += [{"name": "accuracy"}]
    suite = load_suite(small, catalogue)
    assert [one.label for one in suite.architectures] == ["mlp"]
    assert suite.seeds == (1, 0)
    assert [one.name for one in suite.measures].count("accuracy") == 1


def test_a_table_axis(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["matrix"]["architectures"] = [{"name": "mlp", "depth": [1, 2], "activation": "tanh"}]
    labels = [one.label for one in load_suite(small, catalogue).architectures]
    assert labels == ["mlp:depth=1,activation=tanh", "mlp:activation=tanh"]


def test_axes_of_a_recipe(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["recipes"]["plain"] = {
        "epochs": [1, 2],
        "learning_rate": [0.1, "search"],
        "augmentations": ["noise"],
    }
    suite = load_suite(small, catalogue)
    assert [recipe.name for recipe in suite.recipes] == [
        f"plain epochs={epochs} learning_rate={rate}"
        for epochs in (1, 2)
        for rate in ("0.1", "search")
    ]
    assert {recipe.table for recipe in suite.recipes} == {"plain"}
    last = suite.recipes[-1].training
    assert (last.epochs, last.learning_rate) == (2, "search")
    assert [one.label for one in last.augmentations] == ["noise"]


def test_optimizers_take_the_place_of_every_recipes_own(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["matrix"]["optimizers"] = ["sgd:momentum=[0.0,0.9]", "adamw"]
    small["recipes"]["long"] = {"optimizer": "sgd", "epochs": 9}
    suite = load_suite(small, catalogue)
    assert [(r.name, r.training.optimizer.label, r.training.epochs) for r in suite.recipes] == [
        (f"{name} {optimizer}", optimizer, epochs)
        for name, epochs in (("plain", 2), ("long", 9))
        for optimizer in ("sgd:momentum=0", "sgd", "adamw")
    ]


def test_a_share_of_the_training_examples_is_an_axis_whose_whole_goes_without_saying(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["recipes"]["plain"] = {"train_share": [0.1, 1], "batch_size": [8, 16]}
    recipes = load_suite(small, catalogue).recipes
    assert [(r.name, r.whole, r.training.train_share) for r in recipes] == [
        ("plain train_share=0.1 batch_size=8", "plain batch_size=8", 0.1),
        ("plain train_share=0.1 batch_size=16", "plain batch_size=16", 0.1),
        ("plain batch_size=8", "plain batch_size=8", 1.0),
        ("plain batch_size=16", "plain batch_size=16", 1.0),
    ]


def test_an_override_is_for_the_architectures_of_its_glob(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["matrix"]["architectures"] = ["mlp", "mlp:depth=3", "lenet"]
    small["recipes"]["plain"]["for"] = {"mlp*": {"epochs": 5}, "mlp:depth=3": {"batch_size": 8}}
    suite = load_suite(small, catalogue)
    [recipe] = suite.recipes
    settled = [recipe.settle(one) for one in suite.architectures]
    # of two globs that match, the last one wins alone
    assert [(t.epochs, t.batch_size) for t in settled] == [(5, 64), (2, 8), (2, 64)]
    assert recipe.path(suite.architectures[0], "epochs") == (
        "recipes", "plain", "for", "mlp*", "epochs"
    )  # fmt: skip


def test_recipes_are_taken_in_the_order_of_the_matrix(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["recipes"] = {"a": {}, "b": {"epochs": 3}, "c": {}, "[red]/../é": {}}
    assert [r.name for r in load_suite(small, catalogue).recipes] == ["a", "b", "c", "[red]/../é"]
    small["matrix"]["recipes"] = ["c", "b", "c"]
    assert [r.name for r in load_suite(small, catalogue).recipes] == ["c", "b"]


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("recipes.plain.epochs=3", ("recipes", "plain", "epochs"), 3),
        ("recipes.plain.epochs = 3", ("recipes", "plain", "epochs"), 3),
        ("matrix.seeds=[5, 6]", ("matrix", "seeds"), [5, 6]),
        ("suite.description=in two words", ("suite", "description"), "in two words"),
        ("suite.description=a = b # c", ("suite", "description"), "a = b # c"),
        ('suite.description="quoted"', ("suite", "description"), "quoted"),
        ("hardware.time_limit=90s", ("hardware", "time_limit"), "90s"),
        ('recipes.plain.for."mlp*".epochs=9', ("recipes", "plain", "for", "mlp*", "epochs"), 9),
        (
            "recipes.plain.for.'mlp:depth=3'.epochs=9",
            ("recipes", "plain", "for", "mlp:depth=3", "epochs"),
            9,
        ),
        ("measure.throughput.seconds=0.1", ("measure", 1, "seconds"), 0.1),
        ("measure.1.seconds=0.1", ("measure", 1, "seconds"), 0.1),
        ("matrix={seeds=[3]}", ("matrix", "seeds"), [3]),
        ("recipes.plain.techniques=[ema]", ("recipes", "plain", "techniques"), ["ema"]),
        (
            'recipes.plain.techniques=["clip:most=1",ema:decay=0.9]',
            ("recipes", "plain", "techniques"),
            ["clip:most=1", "ema:decay=0.9"],
        ),
    ],
)
def test_a_setting_overrides_a_key(
    catalogue: Catalogue,
    small: dict[str, Any],
    setting: str,
    path: tuple[str | int, ...],
    value: object,
) -> None:
    small["matrix"]["architectures"].append("mlp:depth=3")
    suite = load_suite(small, catalogue, settings=[setting])
    assert suite.source.at(path) == value
    inside: Any = suite.written
    for part in path:
        inside = inside[part]
    assert inside == value
    assert suite.source.at(("matrix", "datasets")) == ["digits"]  # the rest is as it was


def test_later_settings_win(catalogue: Catalogue, small: dict[str, Any]) -> None:
    settings = ["recipes.plain.epochs=3", "recipes.plain.epochs=4"]
    assert load_suite(small, catalogue, settings=settings).recipes[0].training.epochs == 4


def test_switches_take_the_place_of_lists(catalogue: Catalogue, small: dict[str, Any]) -> None:
    small["recipes"]["plain"]["for"] = {"lenet": {"epochs": 5}}  # no slip where -a left lenet out
    suite = load_suite(
        small, catalogue, matrix={"architectures": ["gru"], "datasets": [], "seeds": (7,)}
    )
    assert [one.label for one in suite.architectures] == ["gru"]
    assert [one.label for one in suite.datasets] == ["digits"]
    assert suite.seeds == (7,)


def test_a_suite_on_other_data_does_not_say_what_it_is_of(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["suite"]["description"] = "Networks on digits"
    assert load_suite(small, catalogue, matrix={"seeds": [7]}).description == "Networks on digits"
    other = load_suite(small, catalogue, matrix={"datasets": ["diabetes"]})
    assert other.description == "" and "description" not in other.written["suite"]
    assert small["suite"]["description"]  # what was given is left as it is


def test_measures_take_the_place_of_the_suites_and_keep_its_options(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["measure"] = [
        {"name": "accuracy"},
        {"name": "throughput", "batch_sizes": [1, 2]},
        {"name": "throughput", "batch_sizes": [64]},
    ]

    def labels(*names: str) -> list[str]:
        return [one.label for one in load_suite(small, catalogue, measures=names).measures]

    both = ["throughput:batch_sizes=[1,2]", "throughput:batch_sizes=[64]"]
    assert labels("throughput") == labels("thr*") == both
    assert labels("flops", "accuracy") == ["flops", "accuracy"]  # one that the suite has not
    assert labels("throughput:batch_sizes=[8]") == ["throughput:batch_sizes=[8]"]
    with pytest.raises(UsageError, match="--measure: measure.flopps: no measure is named"):
        labels("flopps")


def test_only_keeps_the_architectures_that_match(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["matrix"]["architectures"] = ["mlp:depth=[1,2,3]", "lenet", "resnet"]
    suite = load_suite(small, catalogue)
    assert [a.label for a in suite.only(["*net"]).architectures] == ["lenet", "resnet"]
    assert [a.label for a in suite.only(["mlp:depth=*"]).architectures] == [
        "mlp:depth=1",
        "mlp:depth=3",
    ]
    assert len(suite.only(["mlp", "lenet"]).architectures) == 4
    assert suite.only([]) is suite
    with pytest.raises(UsageError, match="no architecture of the suite matches; did you mean 'le"):
        suite.only(["lenett"])


def test_a_dictionary_may_hold_what_python_holds(
    catalogue: Catalogue, small: dict[str, Any], tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,0\n2,1\n")
    small["matrix"] |= {
        "architectures": ("mlp",),
        "datasets": [table],
        "seeds": [np.int64(3)],
    }
    suite = load_suite(small, catalogue)
    assert suite.datasets[0].options["path"] == str(table)
    assert suite.seeds == (3,)


def test_a_bare_path_is_the_data_set_that_reads_it(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "digits"):
        (tmp_path / name).mkdir()
    (tmp_path / "T.CSV").touch()
    (tmp_path / "a.npz").touch()
    assert open_path(catalogue, "./photos") == {"name": "imagefolder", "path": "./photos"}
    assert open_path(catalogue, "photos/") == {"name": "imagefolder", "path": "photos/"}
    assert open_path(catalogue, "photos") == {"name": "imagefolder", "path": "photos"}
    assert open_path(catalogue, "./photos:size=8") == {
        "name": "imagefolder",
        "path": "./photos",
        "size": 8,
    }
    assert open_path(catalogue, "T.CSV") == {"name": "table", "path": "T.CSV"}
    assert open_path(catalogue, str(tmp_path / "a.npz"))["name"] == "npz"
    assert open_path(catalogue, "digits") == "digits"  # a name wins
    assert open_path(catalogue, "./digits")["name"] == "imagefolder"
    (tmp_path / "photos" / "meta").touch()  # a file of CIFAR-100, which has a file `train`, too
    (tmp_path / "photos" / "train").mkdir()
    assert open_path(catalogue, "./photos") == {"name": "imagefolder", "path": "./photos"}
    (tmp_path / "photos" / "data_batch_1").touch()
    assert open_path(catalogue, "./photos") == {"name": "cifar10", "path": "./photos"}
    (tmp_path / "photos" / "train-images-idx3-ubyte.gz").touch()
    with pytest.raises(UsageError, match="has files of the data sets cifar10 and idx; say which"):
        open_path(catalogue, "photos")
    assert open_path(catalogue, "csv:path=T.CSV") == "csv:path=T.CSV"
    assert open_path(catalogue, "d*") == "d*"


def test_of_a_path_that_leads_nowhere_the_file_beside_it_is_named(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "sales.csv").touch()
    (tmp_path / "digitsa").mkdir()
    for text, told in (
        ("./fotos:size=8", "no file or folder './fotos'; did you mean './photos'?"),
        ("digitsz", "there is no such file or folder; did you mean 'digits'?"),
        (f"{tmp_path}/photso/", f"did you mean '{tmp_path}/photos'?"),
        ("sale.csv", "no file or folder 'sale.csv'; did you mean 'sales.csv'?"),
        ("sales.cvs", "no data set is named 'sales.cvs', and there is no such file or folder; did you mean 'sales.csv'?"),
        ("digitz", "no data set is named 'digitz', and there is no such file or folder; did you mean 'digits'?"),
        ("./no/where.csv", "no file or folder './no/where.csv'"),
        ("sales.csv:problem=forcast", "got 'forcast'; did you mean 'forecast'?"),
        ("sales.csv:problem=seq2seq", "'regression', 'forecast' or 'sequence_to_sequence' is allowed; got 'seq2seq'"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as raised:
            open_path(catalogue, text)
        assert str(raised.value).endswith(told)
    assert open_path(catalogue, "sales.csv:problem=auto")["problem"] == "auto"


def test_exclusion_by_path(catalogue: Catalogue, small: dict[str, Any], tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x,y\n1,0\n")
    small["matrix"]["datasets"] = [
        f"{tmp_path}/a.csv", f"{tmp_path}/b.csv", f"!{tmp_path}/a.csv"
    ]  # fmt: skip
    [kept] = load_suite(small, catalogue).datasets
    assert kept.options["path"].endswith("b.csv")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90.0), (1.5, 1.5), ("90s", 90.0), ("90", 90.0), ("1.5m", 90.0), ("2 h", 7200.0)],
)
def test_durations(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "s", "-1s", "1d", "1h30m", True, None, []])
def test_what_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match="a duration is"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [(512, 512), ("512", 512), ("1KB", 1000), ("1KiB", 1024), ("1.5 GiB", 3 * 2**29), ("2gb", 2e9)],
)
def test_sizes(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["", "GB", "-1", "1 X", True, None])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(ValueError, match="a size is"):
        parse_size(written)


def test_the_default_optimizer_and_schedule_are_what_plugins_say():
    catalogue = Host().catalogue
    assert default_item(catalogue, "optimizer").label == "adamw"
    assert default_item(catalogue, "schedule").label == "one-cycle"
    plain = [Optimizer(name=name, build="a:b", default=name != "c") for name in "abc"]
    with pytest.raises(UsageError, match="name an optimizer: .* a and b are the default"):
        default_item(Catalogue(Entry(item, "mine") for item in plain), "optimizer")
    with pytest.raises(UsageError, match="name a schedule: .* none is the default"):
        default_item(Catalogue([]), "schedule")
