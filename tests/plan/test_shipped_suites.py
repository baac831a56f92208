"""The suites that ship load and plan, and their README says what is true."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image
from suite_tables import README, with_tables

from harness.catalogue.catalogue import Catalogue
from harness.cli.run_command import command
from harness.errors import ProblemsError
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite
from harness.plan.suite import find_suite, suite_folder

SHIPPED = sorted(path.stem for path in suite_folder().glob("*.toml"))


def test_the_suites_that_ship() -> None:
    assert set(SHIPPED) - {"default"} <= set(re.findall(r"\w+", command.help or ""))
    assert {"quick", "throughput", "robustness", "corruptions", "shift", "imagenet"} < set(SHIPPED)
    for name in SHIPPED:
        written = tomllib.loads(find_suite(name).read_text())["suite"]
        assert written["name"] == name
        assert written.get("description") or name == "default"  # that is of anything


@pytest.mark.parametrize(
    ("name", "trials", "kinds"),
    [
        ("quick", 25, 9),
        ("robustness", 75, 8),
        ("corruptions", 15, 6),
        ("shift", 10, 13),
        ("segmentation", 9, 7),
        ("detection", 9, 8),
        ("throughput", 0, 4),
        ("cnn_families", 36, 6),
        ("default", 1, 7),
        ("regularisation", 96, 3),
        ("data_efficiency", 144, 4),
        ("games", 72, 5),
        ("forecasting", 24, 5),
        ("schedules", 180, 4),
        ("gradient_flow", 42, 4),
        ("backpropagation", 0, 3),
        ("foundations", 48, 4),
        ("normalisation", 105, 3),
        ("universal_approximation", 70, 5),
        ("optimizers", 64, 6),
        ("accumulation_and_precision", 36, 4),
        ("robust_training", 36, 4),
        ("interpretability", 9, 5),
        ("pooling_and_invariance", 120, 5),
        ("vision_transformers", 72, 7),
    ],
)
def test_a_shipped_suite_plans(catalogue: Catalogue, name: str, trials: int, kinds: int) -> None:
    plan = make_plan(load_suite(name, catalogue), catalogue)
    assert plan.trials == trials
    assert len({job.axes.get("measure", job.sort) for job in plan.jobs}) == kinds
    assert not [job.skip for job in plan.jobs if job.skip]


def test_what_is_attacked_in_tables_are_classes(catalogue: Catalogue) -> None:
    plan = make_plan(load_suite("tables", catalogue), catalogue)
    assert plan.trials == 81
    assert len({job.axes.get("measure", job.sort) for job in plan.jobs}) == 8
    skipped = {job.label: job.skip for job in plan.jobs if job.skip}
    assert len(skipped) == 4 and all("diabetes" in label for label in skipped)
    assert {skip.partition(" is for classification")[0] for skip in skipped.values()} == {
        "adversarial",
        "tree_adversarial",
    }


def test_transfer_is_from_one_data_set_to_the_other(catalogue: Catalogue) -> None:
    plan = make_plan(load_suite("transfer", catalogue), catalogue)
    assert plan.trials == 224
    skipped = {job.skip for job in plan.jobs if job.skip}
    assert skipped == {"it starts from a fit on low, and these are the same data"}
    fits = {job.label: job for job in plan.jobs if job.sort == "fit"}
    for recipe in ("whole-of-all", "few-whole", "few-lora", "few-head"):
        tuned = fits[f"fit lenet#3 high {recipe}, from from-scratch on low"]
        assert fits["fit lenet#3 low from-scratch"].fingerprint in tuned.needs


def test_imagenet_without_a_folder_is_refused(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMAGENET", raising=False)
    with pytest.raises(ProblemsError) as caught:
        load_suite("imagenet", catalogue)
    [problem] = caught.value.problems
    assert problem.message.endswith("the variable IMAGENET is not set in the environment")
    assert problem.line == 16


def test_imagenet_without_weights_is_refused(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wordnet in ("n01440764", "n01443537"):
        folder = tmp_path / "imagenet" / "val" / wordnet
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "ILSVRC2012_val_00000001.JPEG")
    monkeypatch.setenv("IMAGENET", str(tmp_path / "imagenet"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    suite = load_suite("imagenet", catalogue)
    with pytest.raises(ProblemsError) as caught:
        make_plan(suite, catalogue)
    assert [problem.key for problem in caught.value.problems] == ["recipes.published.weights"] * 5
    assert caught.value.problems[0].line == 19
    for problem, name in zip(caught.value.problems, suite.architectures, strict=True):
        assert f"the published weights of {name.label} (timm/" in problem.message
        assert str(tmp_path / "cache") in problem.message


def test_the_readme_has_every_key() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run python tests/plan/suite_tables.py"


def test_the_readme_names_every_suite() -> None:
    text = README.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| [a-z]", text.split("## An example")[0], re.MULTILINE)
    assert {name for name in SHIPPED if f"| `{name}` |" in text} == set(SHIPPED)


def test_the_example_of_the_readme_is_a_suite(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = re.search(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "mine.toml").write_text(example[1])
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "module.py").write_text(
        "class Net:\n    takes = ('image', 'table')\n"
    )
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "table.csv").write_text("size,price\n1,2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DATA", str(tmp_path))
    suite = load_suite("mine.toml", catalogue)
    labels = [one.label for one in suite.architectures]
    assert labels[:2] == ["mlp", "mlp:depth=4"]
    assert labels[-1] == "my_package.module:Net:takes=image"
    assert "timm/resnet50" in labels
    assert "timm/resnet18" not in labels
    assert [one.name for one in suite.datasets] == ["imagefolder", "table"]


def test_the_readme_has_an_outcome_for_each_claim_of_a_chapter() -> None:
    chapters = README.read_text(encoding="utf-8").split("\n## Chapters\n")[1]
    lead, *parts = re.split(r"^### `(\w+)`$", chapters, flags=re.MULTILINE)
    total: Counter[str] = Counter()
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        written = tomllib.loads(find_suite(name).read_text())
        asked = (
            r"\. Look at [^.]+(\?|\.) The textbook: \w"  # what to look at, what the textbook claims
        )
        assert re.search(asked, written["suite"]["description"]), name
        outcomes = re.findall(r"\| (confirmed|undecided|contradicted) \|", text)
        assert len(outcomes) == len(written["claim"]), name
        total.update(outcomes)
        sources = [claim.get("source", "") for claim in written["claim"]]
        rows = re.findall(
            r"^\| (.+) \| (?:confirmed|undecided|contradicted) \|", text, re.MULTILINE
        )
        for surname, year in re.findall(
            r"([A-Z][\w-]+)(?: & [\w-]+| et al\.)? (\d{4})\b", " ".join(rows)
        ):
            assert any(surname in one and year in one for one in sources), (name, surname, year)
    said = re.search(
        r"(\d+) claims of (\d+) chapters (\d+) are confirmed, (\d+) undecided and (\d+) contra",
        lead,
    )
    counts = (total["confirmed"], total["undecided"], total["contradicted"])
    assert said
    assert tuple(map(int, said.groups())) == (total.total(), len(parts) // 2, *counts)
