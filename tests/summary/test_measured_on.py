"""Figures of several machines are told apart in the report."""

import dataclasses

from harness.summary.measured_on import machine_words
from harness.summary.summary import summarise


def moved(run, dataset: str, label: str, environment: dict) -> object:
    """Return a run whose exclusive jobs of one model on a data set were done elsewhere."""
    jobs = [
        dataclasses.replace(job, environment="elsewhere")
        if job.exclusive and job.axes["dataset"] == dataset and label in job.label
        else job
        for job in run.data.jobs
    ]
    environments = {**run.data.environments, "elsewhere": environment}
    data = dataclasses.replace(run.data, jobs=tuple(jobs), environments=environments)
    return summarise(data, run.host.require_usable())


def test_figures_of_one_machine_have_one_column(small_run):
    assert not any("machines" in words for words in small_run.summary.verdicts)
    here = machine_words(small_run.data.environment)
    assert small_run.data.environment["cpu"] in here and here.count(",") >= 1


def test_figures_of_two_machines_have_a_column_each_and_a_verdict_each(small_run):
    found = moved(small_run, "digits", "lenet", {"machine": "node-b", "cpu": "EPYC", "cores": 8})
    here = machine_words(small_run.data.environment)
    titles = {column.key: column.title for column in found.columns}
    before = {column.key: column.title for column in small_run.summary.columns}
    timed = [key for key in before if f"{key}@node-b" in titles]
    assert "throughput" in timed and "latency" in timed
    assert set(titles) == set(before) - set(timed) | {
        f"{key}@{where}" for key in timed for where in (here, "node-b")
    }
    assert titles["throughput@node-b"] == f"{before['throughput']}, on node-b"
    rows = {row.series: row.figures for row in found.rows if row.dataset == "digits"}
    assert "throughput@node-b" in rows["lenet"] and f"throughput@{here}" not in rows["lenet"]
    assert f"throughput@{here}" in rows["mlp"] and "throughput@node-b" not in rows["mlp"]
    assert {"headline", "robust"} <= titles.keys()  # what is not timed stays in one column
    (said,) = (
        words for words in found.verdicts if words.startswith("Timed and weighed on 2 machines")
    )
    assert "node-b" in said and here in said
    told = [words for words in found.verdicts if words.startswith("digits: Fastest")]
    assert all("on node-b" in words or here in words for words in told)


def test_data_sets_on_different_machines_share_a_column_as_they_are_not_compared(small_run):
    found = moved(small_run, "diabetes", "", {"machine": "node-b", "cpu": "EPYC", "cores": 8})
    assert [column.key for column in found.columns] == [
        column.key for column in small_run.summary.columns
    ]


def test_a_machine_without_a_name_is_called_by_what_it_has():
    gpus = [{"name": "NVIDIA H100"}, {"name": "NVIDIA H100"}]
    assert machine_words({"cpu": "EPYC", "cores": 1}) == "EPYC, 1 core"
    assert machine_words({"cpu": "EPYC", "cores": 8, "gpus": gpus}) == (
        "EPYC, 8 cores, NVIDIA H100, NVIDIA H100"
    )
    assert machine_words({"machine": "a", "cpu": "EPYC", "cores": 8}) == "a"
