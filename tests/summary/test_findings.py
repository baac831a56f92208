"""Findings of a real run: in the job's folder, on the figures, in the summary, and in a comparison."""

from dataclasses import replace
from pathlib import Path

import pytest
from here_engine import run_here
from made_rows import job_row

import harness
from harness.catalogue.finding import Finding, read_findings, write_findings
from harness.compare.run_comparison import compare_runs
from harness.store.run_data import JobRow
from harness.summary.findings import gather_findings

PLUGIN = """
from harness.api import Architecture, hookimpl


def build(input_shape, num_classes):
    import torch

    class Rounded(torch.nn.Module):
        def forward(self, inputs):
            return inputs.round()

    size = torch.Size(input_shape).numel()
    layers = torch.nn.Flatten(), torch.nn.Linear(size, num_classes)
    return torch.nn.Sequential(Rounded(), *layers)


@hookimpl
def harness_register_architectures():
    yield Architecture(name="rounded", build=build, takes=("image",))
"""


SMALL = {  # an audit looks at 64 examples, and what Square finds is not asked here
    "name": "adversarial",
    "attacks": ["fgsm"],
    "instead": ["square:queries=50"],
    "examples": 100,
    "gallery": 0,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> harness.Run:
    folder = tmp_path_factory.mktemp("findings")
    plugin = folder / "rounded.py"
    plugin.write_text(PLUGIN)
    suite = {
        "suite": {"name": "findings"},
        "matrix": {
            "architectures": ["mlp", "rounded"],
            "datasets": ["digits"],
            "recipes": ["plain"],
            "seeds": [0, 1],
        },
        "recipes": {"plain": {"epochs": 5, "optimizer": "adamw:learning_rate=1e-2"}},
        "measure": [
            SMALL | {"epsilons": ["1/16"]},
            SMALL | {"epsilons": [0.5], "norm": "l2"},
            SMALL | {"epsilons": ["2/16"], "audit": False},
        ],
    }
    return run_here(suite, store=folder / "store", plugins=[str(plugin)])


def test_the_summary_has_one_finding_of_a_model(run):
    summary = run.summary
    assert summary.audited == 8  # two of the three measures, on two models of two seeds
    (found,) = [one for one in summary.findings if one.code != "still-falling"]
    assert (found.dataset, found.series, found.code) == ("digits", "rounded", "zero-gradients")
    assert found.seeds == (0, 1) and found.looked == 2 and len(found.measures) == 2
    assert found.sentence.startswith("The gradient is exactly 0 at 64 of 64 examples")


def test_figures_carry_the_flag_and_their_conditions_stay(run):
    cells = {
        (row.architecture, key): figure.note
        for row in run.summary.rows
        for key, figure in row.figures.items()
        if key.startswith("robust")
    }
    notes = {name: [v for (n, _), v in cells.items() if n == name] for name in ("mlp", "rounded")}
    assert notes["mlp"] == ["", "", ""]
    assert sorted(notes["rounded"]) == ["", "gradients are zero", "gradients are zero"]
    points = [
        (p.series, c.title.split(", ")[-1], p.x_text)
        for c in run.summary.charts
        if c.kind == "curve"
        for p in c.points
    ]
    assert len(points) == len(set(points)) == 2 * 5
    figures = run.metrics[run.metrics["name"] == "robust_accuracy"]
    flagged = figures["where"].str.contains("zero")
    audited = figures["where"].str.contains('"epsilon_text":"(?:1/16|0.5)"')
    # Two seeds under two measures; the attack, what is added where a gradient misleads, and the worst case.
    assert flagged.sum() >= 2 * 2 * 3
    assert (flagged == audited & (figures["architecture"] == "rounded")).all()


def test_a_comparison_pairs_flagged_figures_and_says_so(run):
    comparison = compare_runs(run.data, run.data, run.host.require_usable())
    assert {pair.name for pair in comparison.pairs} >= {"robust_accuracy"} and not comparison.lost
    flags = [pair.flags for pair in comparison.pairs if pair.at["architecture"] == "rounded"]
    assert ("A: gradients are zero", "B: gradients are zero") in flags
    assert not any(p.flags for p in comparison.pairs if p.at["architecture"] == "mlp")


def test_reports_show_it(run):
    text = run.report("terminal")
    said = "figures of 1 model are marked, and 1 model is doubtful as trained."
    assert f"8 measurements were audited; {said}" in " ".join(text.split())
    assert "† gradients are zero" in text and "What to do: Look for a step" in text
    # Found in the fits, which are not counted; lines break where the run's name makes them.
    assert "still falling when training ended after 5 epochs" in " ".join(text.split())


def job(folder: Path, seed: int, measure: str = "adversarial") -> JobRow:
    axes = {"architecture": "mlp", "dataset": "digits", "seed": seed, "measure": measure}
    return job_row("measure", fingerprint=f"{measure} {seed}", axes=axes, folder=folder)


def test_seeds_share_a_finding_whatever_else_it_concerns(tmp_path):
    jobs = []
    for seed, concerned in ((2, ["pgd"]), (1, ["pgd", "worst case"]), (0, ["bim"])):
        (tmp_path / str(seed)).mkdir()
        found = Finding(
            code="more-steps",
            sentence=f"{seed}",
            advice="x",
            flag="x",
            where={"attack": concerned},
        )
        write_findings(tmp_path / str(seed), [found])
        jobs.append(job(tmp_path / str(seed), seed))
    findings, audited = gather_findings(jobs, lambda one: "mlp")
    assert audited == 3
    assert [(one.sentence, one.seeds, one.looked) for one in findings] == [
        ("0", (0,), 3),
        ("1", (1, 2), 3),
    ]


def test_two_findings_of_a_sort_in_one_job_are_two(tmp_path):
    jobs = []
    for seed, names in ((0, ("square", "hopskipjump")), (1, ("square",))):
        (tmp_path / str(seed)).mkdir()
        found = [Finding(code="black-box-lead", sentence=name, advice="x") for name in names]
        write_findings(tmp_path / str(seed), found)
        jobs.append(job(tmp_path / str(seed), seed))
    findings, _ = gather_findings(jobs, lambda one: "mlp")
    assert [(one.sentence, one.seeds) for one in findings] == [
        ("square", (0, 1)),
        ("hopskipjump", (0,)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[{}]",
        "[1]",
        '{"a": 1}',
        '[{"code": "x"}]',
        '[{"code": "x", "sentence": "s", "advice": null}]',
        '[{"code": "x", "sentence": "s", "advice": "a", "where": [1]}]',
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_words(tmp_path, text):
    (tmp_path / "findings.json").write_text(text)
    (found,), audited = gather_findings([job(tmp_path, 0)], lambda one: "mlp")
    assert audited == 1 and found.code == "unreadable"
    assert "cannot be read" in found.sentence and "--fresh" in found.advice


def test_jobs_that_did_not_look_do_not_count(tmp_path):
    assert gather_findings([job(tmp_path, 0)], lambda one: "mlp") == ((), 0)
    assert read_findings(tmp_path) is None


def test_what_was_left_out_is_told_and_is_no_audit(tmp_path):
    (tmp_path / "reasons.json").write_text('["interval is left out: no bound goes through it"]')
    (found,), audited = gather_findings([job(tmp_path, 0)], lambda one: "mlp")
    assert audited == 0 and not found.flag
    assert found.sentence == "Interval is left out: no bound goes through it."
    (tmp_path / "reasons.json").write_text("{")
    assert gather_findings([job(tmp_path, 0)], lambda one: "mlp") == ((), 0)


def test_findings_of_the_data_stand_for_themselves(tmp_path):
    write_findings(tmp_path, [Finding(code="tiny-classes", sentence="2 of 9.", advice="x")])
    prepared = replace(job(tmp_path, 0), sort="prepare", axes={"dataset": "digits"})
    shifted = replace(prepared, axes={"dataset": "digits", "shift": "fog", "severity": 1})
    (found,), audited = gather_findings([prepared, shifted], lambda one: None)
    assert (found.dataset, found.series, found.seeds, found.measures) == (
        "digits",
        "the data",
        (),
        (),
    )
    assert audited == 0
