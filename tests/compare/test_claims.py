"""What a run says of claims: by its intervals, paired where it can be, and why where it cannot."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from harness.catalogue.finding import Finding, write_findings
from harness.compare.claims import judge_claims
from harness.compare.decision import chance, decide
from harness.compare.differences import EXACT, Difference
from harness.plan.claims import read_claim
from harness.plan.jobs import ALSO
from harness.summary.report_data import Tie
from harness_reports.layout import claim_lines, claim_words


def found(value, low, high, p_value=None, method="t"):
    return Difference(
        a=0.0,
        b=value,
        value=value,
        relative=False,
        method=method,
        low=low,
        high=high,
        p_value=p_value,
    )


@pytest.mark.parametrize(("expect", "difference", "outcome"), [
    ("a(x) > a(y)", found(0.2, 0.1, 0.3, 0.01), "confirmed"),
    ("a(x) < a(y)", found(0.2, 0.1, 0.3, 0.01), "contradicted"),
    ("a(x) > a(y)", found(0.2, -0.1, 0.5, 0.2), "undecided"),
    ("a(x) > a(y)", found(0.2, 0.01, 0.5, 0.06), "undecided"),  # the exact test has the last word
    ("a(x) > a(y) + 0.15", found(0.2, 0.1, 0.3, 0.01), "undecided"),
    ("a(x) > a(y) + 0.05", found(0.2, 0.1, 0.3, 0.01), "confirmed"),
    ("a(x) > a(y) + 0.5", found(0.2, 0.1, 0.3, 0.01), "contradicted"),
    ("a(x) > a(y)", found(0.2, None, None), "undecided"),
    ("a(x) < a(y)", found(0.0, 0.0, 0.0, 1.0, EXACT), "contradicted"),  # equal is not less
    ("a(x) > a(y)", found(3.0, 3.0, 3.0, 0.0, EXACT), "confirmed"),
])  # fmt: skip
def test_an_interval_decides(expect, difference, outcome):
    assert decide(difference, read_claim({"expect": expect})) == outcome


@pytest.fixture(scope="module")
def judged(small_run):
    def judge(*claims, **where):
        tables = [{"expect": claim, "where": where} for claim in claims]
        data = replace(small_run.data, written={**small_run.data.written, "claim": tables})
        return judge_claims(data, small_run.host.catalogue, small_run.summary)

    return judge


def test_claims_of_a_real_run(judged):
    found = judged(
        "accuracy(mlp) > 0.5",
        "accuracy(mlp) < 0.5",
        "parameters(mlp) < parameters(lenet)",
        "robust_accuracy(mlp; epsilon=1/16) > robust_accuracy(mlp; epsilon=2/16)",
        "accuracy(mlp) > accuracy(mlp)",
        "accuracy(mlp) > accuracy(lenet) + 0.9",
        dataset="digits",
    )
    assert [one.reason for one in found] == [""] * 6
    assert [one.outcome for one in found] == [
        "confirmed", "contradicted", "confirmed", "confirmed", "contradicted", "contradicted",
    ]  # fmt: skip
    (part,) = found[0].parts
    assert (part.seeds, part.unit) == (2, "fraction") and part.right == 0.5
    assert part.low < part.value < part.high
    assert [(one.parts[0].margin, one.parts[0].greater) for one in (found[0], found[2], found[5])] == [
        (0.0, True), (0.0, False), (0.9, True),
    ]  # fmt: skip
    assert found[2].parts[0].relative and found[2].parts[0].low == found[2].parts[0].value < 0


def test_a_claim_holds_for_every_condition_that_it_leaves_open(judged):
    (everywhere,) = judged("flops(mlp) > 0")
    assert everywhere.outcome == "confirmed"
    assert [part.where for part in everywhere.parts] == ["digits", "diabetes"]
    (one,) = judged("throughput(mlp) > throughput(mlp)", dataset="digits")
    assert [part.where for part in one.parts] == ["digits, batch 16"]  # as in the table
    (asked,) = judged(
        "throughput(mlp; batch_size=16) > throughput(mlp; batch_size=1)", dataset="digits"
    )
    assert asked.parts[0].relative
    assert asked.parts[0].where == "digits, batch 16 against batch 1"


def test_what_one_side_says_alone_pools_nothing_of_the_other(small_run):
    """Of two recipes, where the left side names one: the right side's figures of each are compared apart."""
    data = small_run.data
    long = [
        replace(job, fingerprint=job.fingerprint + "x", axes={**job.axes, "recipe": "long"})
        for job in data.jobs
        if job.axes.get("recipe") == "plain"
    ]
    metrics = data.metrics[data.metrics["recipe"] == "plain"].assign(recipe="long")
    metrics["fingerprint"] += "x"
    written = {
        "claim": [
            {
                "expect": "accuracy(lenet; recipe=long) > accuracy(mlp)",
                "where": {"dataset": "digits"},
            }
        ]
    }
    both = replace(
        data, jobs=(*data.jobs, *long), metrics=pd.concat([data.metrics, metrics]), written=written
    )
    (claim,) = judge_claims(both, small_run.host.catalogue, small_run.summary)
    assert sorted(part.where for part in claim.parts) == [
        "digits, long",
        "digits, long against plain",
    ]
    first, second = claim.parts
    assert (first.left, first.right, first.value, first.low) == (
        second.left,
        second.right,
        second.value,
        second.low,
    )
    assert first.seeds == 2


def test_a_recipe_that_comes_to_the_fit_of_another_one_has_its_figures(small_run):
    """As where `long` overrides some key for other architectures alone."""
    data = small_run.data
    jobs = tuple(
        replace(job, axes={**job.axes, ALSO: '["long"]'})
        if job.sort == "fit" and job.axes["architecture"] == "mlp"
        else job
        for job in data.jobs
    )
    claims = (
        "accuracy(mlp; recipe=long) > 0.5",
        "accuracy(mlp) > 0.5",  # both recipes, and one fit
        "parameters(mlp; recipe=long) < parameters(lenet)",
        "accuracy(mlp; recipe=long) > accuracy(lenet; recipe=plain)",
    )
    tables = [{"expect": claim, "where": {"dataset": "digits"}} for claim in claims]
    data = replace(data, jobs=jobs, written={"claim": tables})
    found = judge_claims(data, small_run.host.catalogue, small_run.summary)
    assert [one.reason for one in found] == [""] * 4
    assert [len(one.parts) for one in found] == [1] * 4
    assert found[0].parts[0].left == found[1].parts[0].left == found[3].parts[0].left
    assert found[0].parts[0].where.endswith("for mlp the same as plain")
    assert "same" not in found[1].parts[0].where


def test_what_was_found_about_a_fit_is_said_beside_a_claim_that_it_decides(small_run, tmp_path):
    write_findings(tmp_path, [Finding(code="x", sentence="S.", advice="A.", flag="still falling")])
    jobs = tuple(
        replace(job, folder=tmp_path)
        if job.sort == "fit"
        and job.axes["architecture"] == "lenet"
        and job.axes["dataset"] == "digits"
        else job
        for job in small_run.data.jobs
    )
    claims = ["accuracy(mlp) > 0.5", "accuracy(lenet) > 0.05"]
    tables = [{"expect": one, "where": {"dataset": "digits"}} for one in claims]
    data = replace(small_run.data, jobs=jobs, written={"claim": tables})
    other, about = judge_claims(data, small_run.host.catalogue, small_run.summary)
    assert (about.outcome, about.parts[0].caution) == ("confirmed", "lenet: still falling")
    assert claim_words(about.parts[0]).endswith("; but lenet: still falling")
    assert "lenet" not in other.parts[0].caution
    other_recipe = data.metrics.assign(recipe="long")
    both = replace(data, metrics=pd.concat([data.metrics, other_recipe]))
    cautions = [
        part.caution
        for part in judge_claims(both, small_run.host.catalogue, small_run.summary)[1].parts
    ]
    assert sorted(cautions) == ["lenet long: still falling", "lenet plain: still falling"]


def test_timings_beside_a_number_know_of_other_runs(judged):
    found = judged("fit_seconds(mlp) < 9999", "throughput(mlp) > 1e-3", dataset="digits")
    assert found[0].outcome == "undecided" and "other jobs" in found[0].parts[0].method
    assert found[0].parts[0].p_value is None and found[1].parts[0].p_value is not None
    (part,) = found[1].parts
    assert "another differs by" in part.method and part.relative


def test_a_factor_is_for_what_scales_and_a_margin_for_what_does_not(judged):
    found = judged(
        "accuracy(mlp) > 2 * accuracy(mlp)", "flops(mlp) > parameters(mlp; measure=flops) + 1"
    )
    assert found[0].reason.startswith("shares and losses are compared by their difference")
    assert "write a factor" in found[1].reason or "its left side is in" in found[1].reason


def test_of_a_metric_that_nothing_has_the_first_job_of_the_model_says_why(small_run):
    late = [
        replace(job, status="skipped", reason="the time is over")
        for job in small_run.data.jobs
        if "measure" in job.spec
    ]
    others = [job for job in small_run.data.jobs if "measure" not in job.spec]
    written = {**small_run.data.written, "claim": [{"expect": "accuracy(lenet) > 0"}]}
    metrics = small_run.data.metrics.query("name != 'accuracy'")
    data = replace(small_run.data, jobs=(*others, *late), metrics=metrics, written=written)
    (found,) = judge_claims(data, small_run.host.catalogue, small_run.summary)
    assert re.fullmatch(
        r"no metric 'accuracy' was measured: \w+ lenet\b.* is skipped, the time is over",
        found.reason,
    )


def test_of_a_run_with_options_that_are_gone_no_condition_is_known(small_run):
    jobs = [
        replace(job, spec={**job.spec, "measure": {**measure, "options": {"gone": 1}}})
        for job in small_run.data.jobs
        if (measure := job.spec.get("measure"))
    ]
    others = [job for job in small_run.data.jobs if "measure" not in job.spec]
    claim = {"expect": "robust_accuracy(mlp; epsilon=1/4) > 0", "where": {"dataset": "digits"}}
    written = {**small_run.data.written, "claim": [claim]}
    data = replace(small_run.data, jobs=(*others, *jobs), written=written)
    (found,) = judge_claims(data, small_run.host.catalogue, small_run.summary)
    assert found.reason == (
        "there is no robust_accuracy of 'mlp' where dataset is digits, epsilon is 1/4"
    )
    assert not found.left_out


def test_a_part_of_many_needs_more_to_contradict():
    clear, faint = found(-0.2, -0.3, -0.1), found(-0.2, -0.39, -0.01)
    claim = read_claim({"expect": "a(x) > a(y)"})
    assert decide(faint, claim) == decide(clear, claim) == "contradicted"
    assert chance(clear, claim) == pytest.approx(8.9e-5, rel=0.02)
    assert 0.035 < chance(faint, claim) < 0.05 < 10 * chance(faint, claim)


def test_what_was_not_measured_says_why(judged):
    found = judged(
        "acuracy(mlp) > 0",
        "accuracy(mlpp) > 0",
        "accuracy(broken) > 0",
        "accuracy(mlp; recipe=long) > 0",
        "throughput(mlp) > throughput(mlp) + 1",
    )
    assert {one.outcome for one in found} == {"not judged"}
    reasons = [one.reason for one in found]
    assert reasons[0].startswith("no metric 'acuracy' was measured; did you mean 'accuracy'")
    assert reasons[1] == (
        "there is no accuracy of 'mlpp', as this run has no architecture 'mlpp' (its architectures: broken, lenet, mlp): where the "
        "suite has it, --only or -a left it out"
    )
    assert "there is no accuracy of 'broken': " in reasons[2] and "failed" in reasons[2]
    assert reasons[3] == (
        "there is no accuracy of 'mlp' where recipe is long, as this run has no recipe 'long' (its recipes: plain): where the suite "
        "has it, --set left it out"
    )
    assert "write a factor" in reasons[4]
    assert [one.left_out for one in found] == [False, True, False, True, False]
    cut = judged(
        "robust_accuracy(mlp; epsilon=1/8) > 0",
        "robust_accuracy(mlp; epsilon=1/4) > 0",
        "ece(mlp) > 0",
    )
    assert [one.left_out for one in cut] == [False, True, True]
    assert cut[1].reason == (
        "there is no robust_accuracy of 'mlp' where epsilon is 1/4: no robust_accuracy of this run is of epsilon '1/4'; there are 0, "
        "1/16, 2/16; where the suite has it, --set left it out"
    )
    assert cut[2].reason.endswith(
        "has no measure uncertainty: where the suite has it, --measure left it out"
    )
    (elsewhere,) = judged("accuracy(broken) > 0", dataset="diabetes")
    assert (
        "broken#0 diabetes is skipped" in elsewhere.reason
    )  # and not that its fit on digits failed


def test_where_the_verdict_says_otherwise_a_claim_names_the_pair_and_whom_to_believe(small_run):
    tables = [
        {"expect": claim, "where": {"dataset": "digits"}}
        for claim in (
            "mean_shifted_accuracy(mlp) > mean_shifted_accuracy(lenet)",
            "mean_shifted_accuracy(mlp) > mean_shifted_accuracy(lenet) - 0.01",
        )
    ]
    data = replace(small_run.data, written={"claim": tables})
    report = small_run.summary

    def judged_beside(tie):
        beside = replace(report, ties=(tie,))
        return judge_claims(data, small_run.host.catalogue, beside)

    tie = Tie(dataset="digits", column="shifted", rows=("lenet", "mlp"), pairs=10, p_value=0.07)
    same, margin = judged_beside(tie)
    assert same.outcome in ("confirmed", "contradicted")
    assert same.parts[0].tied == tie
    assert margin.parts[0].tied is None  # asks something else
    for other in (replace(tie, column="robust"), replace(tie, dataset="diabetes")):
        assert judged_beside(other)[0].parts[0].tied is None

    def last_line(p_value, tie):
        part = replace(same.parts[0], tied=tie, p_value=p_value)
        return claim_lines(replace(same, parts=(part,)))[-1]

    assert last_line(0.01, tie) == (
        "The verdict does not tell lenet from mlp (p = 0.07), as it looks at 10 pairs at once and this claim at one (p = 0.01): "
        "believe the claim of these two alone, and only where it was written before the figures were known; believe the verdict "
        "where you choose among all."
    )
    assert "another test" in last_line(0.001, tie)  # ten pairs would make 0.01 of it, not 0.07
    assert "believe the test" in last_line(0.01, replace(tie, p_value=None))
