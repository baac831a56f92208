"""What a run says of claims: by its intervals, paired where it can be, and why where it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.compare.claims import decide, judge_claims
from harness.compare.differences import EXACT, Difference
from harness.plan.claims import read_claim


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
        return judge_claims(data, small_run.host.catalogue)

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
        "confirmed", "contradicted", "confirmed", "confirmed", "undecided", "contradicted",
    ]  # fmt: skip
    (part,) = found[0].parts
    assert (part.seeds, part.unit) == (2, "fraction") and part.right == 0.5
    assert part.low < part.value < part.high
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
    assert asked.parts[0].relative and asked.parts[0].where == "digits"


def test_what_was_not_measured_says_why(judged):
    found = judged(
        "acuracy(mlp) > 0",
        "accuracy(mlpp) > 0",
        "accuracy(broken) > 0",
        "accuracy(mlp; recipe=long) > 0",
        "throughput(mlp) > throughput(mlp) + 1",
    )
    assert {one.outcome for one in found} == {"not measured"}
    reasons = [one.reason for one in found]
    assert reasons[0].startswith("no metric 'acuracy' was measured; did you mean 'accuracy'")
    assert reasons[1] == "there is no accuracy of 'mlpp'; did you mean 'mlp'?"
    assert "there is no accuracy of 'broken': " in reasons[2] and "failed" in reasons[2]
    assert reasons[3] == "there is no accuracy of 'mlp' where recipe is long"
    assert "write a factor" in reasons[4]
