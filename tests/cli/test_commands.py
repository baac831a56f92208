"""The command line as a person uses it: exit codes, words, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from here_engine import OPTIONS

from harness.cli.group import COMMANDS

SUITE = """\
[suite]
name = "small"
[matrix]
floors = false
architectures = ["mlp", "lenet"]
datasets = ["digits"]
[recipes.plain]
epochs = 1
[[measure]]
name = "accuracy"
[[measure]]
name = "flops"
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    (tmp_path / "small.toml").write_text(SUITE)
    return "small.toml"


def test_the_help_of_every_command(harness) -> None:
    done = harness("--help")
    assert done.returncode == 0
    for name, summary in COMMANDS.items():
        assert name in done.stdout
        assert summary.split(":")[0].split(",")[0] in done.stdout
    for name in COMMANDS:
        done = harness(name, "--help")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert f"harness {name}" in done.stdout


def test_the_version(harness) -> None:
    done = harness("--version")
    assert (done.returncode, done.stdout.startswith("harness, version ")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["list", "--jsn"], "--json"),
        (["run", "--epochs", "3"], "In all recipes it is --set 'recipes.*.epochs=VALUE'"),
        (["plan", "--batch-size=3"], "In all recipes it is --set 'recipes.*.batch_size=VALUE'"),
        (["show", "dataset"], "Missing argument 'NAME'"),
        (["run"], "name a suite (harness run quick), or give -a ARCHITECTURE and -d DATA"),
        (["plan", "quik"], "error: no suite is named 'quik'; did you mean 'quick'?"),
        (["plan", "nosuch.toml"], "error: there is no suite file 'nosuch.toml'"),
        (["plan", "small.toml", "--set", "recipes.plain.epoch=1"], "did you mean 'epochs'?"),
        (["plan", "small.toml", "--only", "lennet"], "did you mean 'lenet'?"),
        (["plan", "small.toml", "-a", "mlpp"], "error: -a: matrix.architectures: no architecture"),
        (["plan", "small.toml", "-d", "./nothing"], "no file or folder './nothing'"),
        (["plan", "small.toml", "--seed", "-1"], "-1 is not in the range"),
        (["plan", "small.toml", "--fresh", "acuracy"], "did you mean 'accuracy'?"),
        (["plan", "small.toml", "-p", "none.py"], "error: -p none.py: there is no such file"),
        (["plan", "small.toml", "--no-plugin", "none"], "no plugin has that name"),
        (["plan", "small.toml", "--time-budget", "soon"], "--time-budget 'soon': a duration is"),
        (["plan", "small.toml", "--time-budget", "-5m"], "--time-budget '-5m': a duration is"),
        (["plan", "small.toml", "--time-budget", "0"], "a time of more than 0 s is allowed"),
        (["plan", "small.toml", "--time-budget", ""], "--time-budget '': a duration is"),
        (["run", "small.toml", "--set", "matrix.datasets=[]"], "the list is empty"),
        (
            ["run", "small.toml", "--fail-on-contradiction"],
            "error: --fail-on-contradiction: suite 'small' has no [[claim]]",
        ),
        (["list", "archs"], "error: no kind is named 'archs'; allowed: architectures"),
        (
            ["list", "attacks", "pgdd"],
            "error: no attack matches 'pgdd'; did you mean 'pgd' or 'apgd-dlr' or 'apgd-t'?",
        ),
        (["show", "atack", "pgd"], "error: no kind is named 'atack'; did you mean 'attacks'?"),
        (
            ["show", "attack", "pgdd"],
            "error: no attack is named 'pgdd'; did you mean 'pgd' or 'apgd-dlr' or 'apgd-t'?",
        ),
        (["report"], "there is no store in 'runs'; `harness run` makes one"),
        (["runs", "--store", "none"], "there is no store in 'none'"),
        (["logs", "x", "--store", "none"], "there is no store in 'none'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_ends_in_words_and_2(
    harness, suite: str, tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = harness(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.toml"]  # nothing is made


def test_all_that_is_wrong_with_a_suite_is_printed(harness, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(SUITE.replace("mlp", "mlpp").replace("epochs", "epoch"))
    done = harness("plan", "bad.toml")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: bad.toml:5: matrix.architectures: no architecture is named 'mlpp'; did you mean "
        + "'mlp'?",
        "bad.toml:8: recipes.plain.epoch: unknown key 'epoch'; did you mean 'epochs'?",
    ]


def test_a_plan_in_words(harness, suite: str) -> None:
    done = harness("plan", suite)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("small: 2 trials, 7 jobs: 7 to do, 0 cached, 0 skipped; about ")
    assert [line.split() for line in lines[1:]] == [
        ["prepare", "1", "to", "do"],
        ["flops", "2", "to", "do"],
        ["fit", "2", "to", "do"],
        ["accuracy", "2", "to", "do"],
    ]


def test_a_plan_says_what_is_skipped_and_every_job(harness, suite: str) -> None:
    done = harness("plan", suite, "-d", "breast_cancer", "--jobs")
    assert "skipped: lenet takes image and breast_cancer is table; it cannot be adapted" in (
        done.stdout
    )
    jobs = [line.split(maxsplit=2) for line in done.stdout.splitlines()[-5:]]
    assert all(len(job) == 3 for job in jobs)
    assert "flops lenet breast_cancer" in done.stdout


def test_a_plan_as_json(harness, suite: str) -> None:
    found = json.loads(harness("plan", suite, "--json", "--time-budget", "1s").stdout)
    assert (found["suite"], found["trials"], len(found["jobs"])) == ("small", 2, 7)
    assert {job["state"] for job in found["jobs"]} == {"to do"}
    fingerprints = [job["fingerprint"] for job in found["jobs"]]
    assert all(set(job["needs"]) <= set(fingerprints) for job in found["jobs"])
    assert any(job["fits"] for job in found["jobs"])
    assert not all(job["fits"] for job in found["jobs"])


def test_what_fits_into_a_time_budget(harness, suite: str) -> None:
    text = harness("plan", suite, "--time-budget", "1h").stdout
    assert "In 60:00 min: 7 of 7 jobs would fit: all of them." in text
    assert ", a guess, as nothing has run here yet\n" in text
    text = harness("plan", suite, "--time-budget", "1s").stdout
    assert "of 7 jobs would fit; all would take about" in text
    assert "jobs of lenet" in text
    text = harness("plan", suite, "--time-budget", "0.001s").stdout
    assert "0 of 7 jobs would fit" in text


def test_settings_and_switches_change_the_plan(harness, suite: str) -> None:
    def trials(*arguments: str) -> int:
        done = harness("plan", suite, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["trials"])

    assert trials("--seed", "3", "--seed", "4", "--seed", "5") == 6
    assert trials("--only", "mlp") == 1
    assert trials("-a", "mlp:depth=[1,2,3]", "-a", "gru") == 4
    assert trials("--set", "matrix.seeds=[1,2]", "--set", 'recipes.plain.for."mlp".epochs=4') == 4


def test_a_plan_without_a_suite(harness, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,0\n2,1\n")
    (tmp_path / "nets.py").write_text("class Net:\n    takes = ('table',)\n")
    done = harness("plan", "-a", "nets:Net:width=3", "-a", "mlp", "-d", "table.csv", "--jobs")
    assert done.returncode == 0, done.stderr
    assert "fit nets:Net:width=3#0 table:path=table.csv" in done.stdout
    assert harness("plan", "-a", "gru").stdout.startswith("default: 1 trial, ")


def test_lists(harness) -> None:
    everything = harness("list").stdout
    assert everything.startswith("architectures\n  linear ")
    assert "timm/*" in everything
    one = harness("list", "architecture").stdout
    assert one == harness("list", "architectures").stdout
    assert one.splitlines()[0].startswith("linear ")
    rows = json.loads(harness("list", "attacks", "*gd", "--json").stdout)
    assert [(row["kind"], row["name"]) for row in rows] == [("attack", "pgd")]
    members = harness("list", "architectures", "torchvision/vgg1?").stdout.split()
    assert members == [f"torchvision/vgg{depth}" for depth in (11, 13, 16, 19)]


def test_an_item_is_shown(harness) -> None:
    text = harness("show", "architecture", "vit").stdout
    assert text.startswith("architecture vit\n")
    assert "depth (int, default " in text
    text = harness("show", "datasets", "csv").stdout
    assert "path (str, needed)" in text
    assert text.rstrip().endswith("written as csv:path=...")
    assert "None" not in text
    assert "no options" in harness("show", "engine", "local").stdout
    found = json.loads(harness("show", "measure", "shift", "--json").stdout)
    assert found["kind"] == "measure"
    assert {"shifts", "severities"} <= {option["name"] for option in found["options"]}
    assert harness("show", "architecture", "timm/").stdout.startswith("architecture timm/\n")


def test_plugins_and_doctor(harness, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    done = harness("plugins", "-p", "broken.py", "--no-plugin", "attacks")
    assert done.returncode == 0
    assert "ZeroDivisionError" in done.stdout
    assert "blocked: --no-plugin attacks" in done.stdout
    found = json.loads(harness("plugins", "--json").stdout)
    assert {plugin["status"] for plugin in found["plugins"]} == {"ok"}
    text = harness("doctor").stdout
    assert all(word in text for word in ("hardware", "versions", "torch", "optional parts", "CUDA"))
    found = json.loads(harness("doctor", "--json").stdout)
    assert set(found) == {"hardware", "versions", "ceilings", "parts"}
    assert found["hardware"]["cores"] >= 1
    names = {part["name"] for part in found["parts"]}
    assert {"Slurm", "extra [ray]", "extra [text]"} <= names


def test_a_broken_plugin_that_was_named_is_refused(harness, suite: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module_anywhere\n")
    done = harness("plan", suite, "-p", "broken.py")
    assert done.returncode == 2
    assert "plugin broken.py is broken: ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "quick"]])
def test_a_terminal_of_few_signs_is_no_failure(separate, arguments: list[str]) -> None:
    done = separate(*arguments, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()


def test_names_that_would_steer_a_terminal_are_shown_as_written(
    harness, separate, suite: str, tmp_path: Path
) -> None:
    (tmp_path / "small.toml").write_text(
        SUITE.replace("recipes.plain", 'recipes."[red]é\\u001b[31m"')
    )
    done = separate("plan", suite, PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    (tmp_path / "small.toml").write_text(SUITE.replace("recipes.plain", 'recipes."[red]é"'))
    done = harness("plan", suite, "--jobs")
    assert done.returncode == 0
    done = harness("plan", suite, "--set", "recipes.\x1b[31m=1")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert r"\x1b[31m" in done.stderr


def test_a_reader_that_has_enough_ends_the_command_quietly(suite: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from harness.cli import main; main()"]
    seeds = [word for seed in range(800) for word in ("--seed", str(seed))]
    process = subprocess.Popen(
        [*command, "plan", suite, "--jobs", *seeds],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert errors == b""


def test_what_is_cached_is_said(harness, suite: str, tmp_path: Path) -> None:
    done = harness("run", suite, *OPTIONS, "--profile")
    assert done.returncode == 0, done.stderr
    assert "\nsmall-0001 took " in done.stdout and "\nwall time\n" in done.stdout
    times = json.loads(harness("times", "--json").stdout)
    assert sum(part["seconds"] for part in times["wall"]) == pytest.approx(
        times["seconds"], abs=0.05
    )
    assert sum(one["jobs"] for one in times["jobs"]["sort"]) == 7
    assert times["chain"][0] == "prepare digits"
    assert harness("plan", suite).stdout.startswith(
        "small: 2 trials, 7 jobs: 0 to do, 7 cached, 0 skipped; about 0 s\n"
    )
    # the same jobs take as long again, as far as is known
    found = json.loads(harness("plan", suite, "--json", "--fresh", "accuracy").stdout)
    states = {job["label"]: job["state"] for job in found["jobs"]}
    assert {label for label, state in states.items() if state == "to do"} == {
        "accuracy mlp#0 digits",
        "accuracy lenet#0 digits",
    }
    assert 0 < found["seconds"] < 10
    runs = json.loads(harness("runs", "--json").stdout)
    assert [(run["name"], run["status"], run["counts"]) for run in runs] == [
        ("small-0001", "completed", {"ok": 7})
    ]
    assert "small-0001" in harness("runs").stdout
    assert "accuracy" in harness("report").stdout
    done = harness("report", "-f", "json")
    assert json.loads(done.stdout)
    for name, start in (
        ("page.html", "<!DOCTYPE html>"),
        ("a.md", "# small"),
        ("a.txt", "small-0001"),
        ("plain", "small-0001"),
    ):
        assert harness("report", "-o", name).returncode == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    done = harness("report", "-f", "jsn")
    assert done.returncode == 2
    assert "no report is named 'jsn'; did you mean 'json'" in done.stderr
    (tmp_path / "taken").write_text("")
    done = harness("report", "-f", "json", "-o", "taken/inside.json")
    assert done.returncode == 2 and "cannot be written to 'taken/inside.json'" in done.stderr
    done = harness("report", "-o", "nowhere/page.html")
    assert done.returncode == 2 and not (tmp_path / "nowhere").exists()
    assert "-o nowhere/page.html: there is no folder 'nowhere'" in done.stderr
    done = harness("report", "-o", "page.docx")
    assert done.returncode == 2 and not (tmp_path / "page.docx").exists()
    assert (
        "no report's files end in '.docx'; .txt, .html, .md, .csv, .json, .parquet are allowed"
        in done.stderr
    )
    assert harness("report", "-f", "markdown", "-o", "page.docx").returncode == 0
    done = harness("report", "small-0009")
    assert done.returncode == 2
    assert "small-0001" in done.stderr
    done = harness("logs", "fit mlp#0 digits")
    assert done.returncode == 0
    done = harness("logs", "fit mlpp#0 digits")
    assert done.returncode == 2
    assert "fit mlp#0 digits" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_can_be_read(harness, suite: str, tmp_path: Path) -> None:
    assert harness("run", suite, *OPTIONS).returncode == 0
    (tmp_path / "runs").chmod(0o500)
    try:
        for arguments in (["report"], ["runs"], ["logs", "fit mlp#0 digits"]):
            done = harness(*arguments)
            assert (done.returncode, done.stderr) == (0, "")
    finally:
        (tmp_path / "runs").chmod(0o700)


def test_a_run_whose_every_job_is_skipped_ends_with_5_as_pytest_does(harness, suite: str) -> None:
    done = harness("run", suite, "-a", "lenet", "-d", "breast_cancer", *OPTIONS)
    assert (done.returncode, "Traceback" in done.stderr) == (5, False), done.stderr
    assert "lenet takes image and breast_cancer is table" in done.stdout
    assert "Nothing was measured: all that was asked was skipped" in done.stderr
    done = harness(
        *("run", suite, "-a", "lenet", "-d", "breast_cancer", "--measure", "accuracy"), *OPTIONS
    )
    assert done.returncode == 5, done.stderr  # no measure is planned: all would be of a fit
