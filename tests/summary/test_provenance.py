"""Where a run's figures come from: its suite and how each model was trained."""

import tomllib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from made_rows import job_row

from harness.plan.toml_text import toml_text
from harness.store.run_data import JobRow
from harness.summary.metric_rows import RowKey
from harness.summary.provenance import read_provenance
from harness_reports import html, markdown, terminal


def test_the_suite_and_the_trainings_of_a_run(small_run, small_suite):
    found = small_run.summary.provenance
    read = tomllib.loads(found.suite_text)
    assert read["recipes"] == small_suite["recipes"] and read["measure"] == small_suite["measure"]
    (mlp,) = [one for one in found.trainings if (one.series, one.dataset) == ("mlp", "digits")]
    facts = dict(mlp.facts)
    assert facts["epochs"] == "4" and facts["learning rate"] == "0.01"
    assert facts["optimizer"].startswith("adamw") and facts["weights"] == "random"
    assert facts["objective"].startswith("cross-entropy") and all(facts.values())
    html = small_run.report("html")
    assert "How each model was trained" in html and "learning rate" in html
    assert "Where the figures come from" in small_run.report("markdown")


def test_reports_begin_with_what_the_suite_says_of_itself(small_run):
    asked = "Which of <two> is better? Look at accuracy."
    text = toml_text({"suite": {"name": "small", "description": asked}})
    told = replace(small_run.summary.provenance, suite_text=text)
    assert told.description == asked and replace(told, suite_text="").description == ""
    report = replace(small_run.summary, provenance=told)
    for render, said in (
        (terminal.render, asked),
        (markdown.render, asked.replace("<", "\\<").replace(">", "\\>")),
    ):
        text = render(report)
        assert 0 < text.index(said) < text.index(report.verdicts[0][:20])
    assert '<p class="about">Which of &lt;two&gt; is better? Look at accuracy.</p>' in html.render(
        report
    )
    assert 'class="about"' not in html.render(
        replace(report, provenance=replace(told, suite_text=""))
    )


def fit(architecture: str, notes: dict[str, Any]) -> JobRow:
    axes = {"architecture": architecture, "dataset": "photos", "recipe": "published", "seed": 0}
    spec = {"training": {"weights": "pretrained", "epochs": 0}}
    label = f"fit {architecture}#0 photos"
    return job_row("fit", fingerprint=architecture, label=label, axes=axes, spec=spec, notes=notes)


def test_how_pictures_were_given_to_each_model():
    """Two fits of one data set may read its pictures in two ways."""
    way = "shorter side to 235 (bicubic), centre of 224 x 224"
    jobs = (fit("a", {"preprocessing": way}), fit("b", {"preprocessing": ""}))
    run = SimpleNamespace(jobs=jobs, invocation={}, written={})
    found = read_provenance(run, {RowKey.of(job.axes): job.axes["architecture"] for job in jobs})
    assert {one.series: one.facts for one in found.trainings} == {
        "a": (("weights", "pretrained"), ("pictures", way)),
        "b": (("weights", "pretrained"),),
    }


def test_what_a_label_stands_for():
    said = {
        "deep": {"name": "mlp", "options": {"depth": 4, "activation": "tanh"}},
        "mlp:depth=2": {"name": "mlp", "options": {"depth": 2, "activation": "relu"}},
    }
    jobs = [fit(name, {}) for name in said]
    jobs = [replace(job, spec=job.spec | {"architecture": said[job.fingerprint]}) for job in jobs]
    data = {"dataset": {"name": "imagefolder", "options": {"path": "./my photos"}}}
    prepared = replace(fit("data", {}), sort="prepare", axes={"dataset": "photos"}, spec=data)
    run = SimpleNamespace(jobs=(prepared, *jobs), invocation={}, written={})
    found = read_provenance(run, {RowKey.of(job.axes): job.axes["architecture"] for job in jobs})
    photos = ("data set", 'imagefolder:path="./my photos"')
    assert {one.series: one.facts[:-1] for one in found.trainings} == {
        "deep": (("architecture", "mlp:depth=4,activation=tanh"), photos),
        "mlp:depth=2": (photos,),
    }
