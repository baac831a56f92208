"""Gates: what they read, and when they fail."""

import pytest

from harness.compare.differences import EXACT, Difference
from harness.compare.gate import Gate, Timed, in_one_run_only, judge, judge_timed
from harness.compare.run_comparison import Lost, PairedFigure, RunComparison
from harness.errors import UsageError


def pair(
    name="throughput",
    a=100.0,
    b=90.0,
    p=0.0001,
    relative=True,
    unit="1/s",
    method="two runs",
    flags=(),
    floor=False,
):
    value = b / a - 1 if relative else b - a
    return PairedFigure(
        at={"architecture": "mlp"}, measure=name, name=name, title=name, unit=unit, better="",
        where={}, a=a, b=b, p_value=p, flags=flags, floor=floor,
        difference=Difference(a=a, b=b, value=value, relative=relative, method=method, p_value=p),
    )  # fmt: skip


def comparison(*pairs, lost=()):
    return RunComparison(a="before", b="after", pairs=pairs, lost=tuple(lost))


@pytest.mark.parametrize(
    ("text", "name", "sign", "limit", "unit"),
    [
        ("throughput < -5%", "throughput", "<", -5.0, "%"),
        ("accuracy<-1pt", "accuracy", "<", -1.0, "pt"),
        ("  latency_* > 3.5 % ", "latency_*", ">", 3.5, "%"),
        ("parameters > 0", "parameters", ">", 0.0, ""),
        ("peak_memory > 1e6", "peak_memory", ">", 1e6, ""),
    ],
)
def test_what_is_written_is_read(text, name, sign, limit, unit):
    gate = Gate.read(text)
    assert (gate.name, gate.sign, gate.limit, gate.unit) == (name, sign, limit, unit)


@pytest.mark.parametrize("text", ["", "throughput", "throughput < ", "< 5%", "a = 5%", "a < 5 km"])
def test_what_cannot_be_read_is_a_sentence(text):
    with pytest.raises(UsageError, match="write NAME < LIMIT"):
        Gate.read(text)


def test_it_fails_beyond_the_limit_and_beyond_noise():
    gate = Gate.read("throughput < -5%")
    (sure,) = judge([gate], comparison(pair()))
    assert sure.fails and not sure.doubtful and "-10.00 %" in sure.words
    (unsure,) = judge([gate], comparison(pair(p=0.02)))
    assert unsure.doubtful and not unsure.fails
    (single,) = judge([gate], comparison(pair(p=None)))
    assert single.doubtful and "nothing is claimed" in single.words
    assert judge([gate], comparison(pair(b=96.0))) == []
    assert judge([gate], comparison(pair(b=120.0))) == []


def test_marked_figures_are_doubtful():
    gate = Gate.read("robust_accuracy < -1pt")
    given = {"name": "robust_accuracy", "unit": "fraction", "relative": False, "a": 0.8}
    (passing,) = judge([gate], comparison(pair(**given, b=0.8, flags=("B: an upper bound",))))
    assert passing.doubtful and not passing.fails and "B: an upper bound" in passing.words
    (against,) = judge([gate], comparison(pair(**given, b=0.7, flags=("A: an upper bound",))))
    assert against.doubtful and not against.fails and "A: an upper bound" in against.words
    (lost,) = judge([gate], comparison(pair(**given, b=0.7, flags=("B: an upper bound",))))
    assert lost.fails  # what is bounded from above has fallen all the same
    assert judge([gate], comparison(pair(**given, b=0.85, flags=("A: an upper bound",)))) == []


def test_p_values_are_corrected_for_what_gates_are_about():
    gate = Gate.read("throughput < -5%")
    others = [pair("latency", p=0.9) for _ in range(50)]
    (found,) = judge([gate], comparison(pair(p=0.002), *others))
    assert found.fails  # the others were not asked for
    both = judge([gate], comparison(pair(p=0.002), pair(p=0.002)))
    assert [one.fails for one in both] == [False, False]
    exact = [pair(p=0.0, method=EXACT) for _ in range(50)]
    assert judge([gate], comparison(pair(p=0.002), *exact))[
        0
    ].fails  # nor has what is exact a chance


def test_units_of_a_limit():
    points = pair("accuracy", 0.9, 0.88, relative=False, unit="fraction")
    assert judge([Gate.read("accuracy < -1pt")], comparison(points))[0].fails
    assert not judge([Gate.read("accuracy < -2.5pt")], comparison(points))
    assert judge([Gate.read("accuracy < -2%")], comparison(points))[0].fails
    assert not judge([Gate.read("accuracy < -3%")], comparison(points))
    counts = pair("parameters", 1000.0, 1001.0, unit="count", method=EXACT, p=0.0)
    assert judge([Gate.read("parameters > 0")], comparison(counts))[0].fails
    nothing = pair("oom", 0.0, 1.0, relative=False, unit="")
    with pytest.raises(UsageError, match="A is 0"):
        judge([Gate.read("oom > 5%")], comparison(nothing))


def test_a_figure_whose_job_failed_fails():
    gone = Lost(
        label="mlp",
        measure="throughput",
        name="throughput",
        missing_in="B",
        reason="timeout: after 5 s",
    )
    (found,) = judge([Gate.read("throughput < -5%")], comparison(lost=[gone]))
    assert found.fails and "timeout: after 5 s" in found.words
    left_out = Lost(label="mlp", measure="throughput", name="throughput", missing_in="B", reason="")
    assert judge([Gate.read("throughput < -5%")], comparison(pair(b=100.0), lost=[left_out])) == []
    with pytest.raises(UsageError, match="did you mean 'throughput'"):
        judge([Gate.read("throughputt < -5%")], comparison(pair()))


def test_a_gate_that_compared_no_model_does_not_hold():
    gate = Gate.read("accuracy < -1pt")
    floor = pair(name="accuracy", a=0.9, b=0.1, relative=False, unit="fraction", floor=True)
    lost = [
        Lost(label="mlp digits", measure="accuracy", name="accuracy", missing_in="B", reason=""),
        Lost(label="resnet digits", measure="accuracy", name="accuracy", missing_in="A", reason=""),
        Lost(
            label="boosted digits",
            measure="accuracy",
            name="accuracy",
            missing_in="B",
            reason="",
            floor=True,
        ),
        Lost(
            label="boosted digits",
            measure="accuracy",
            name="accuracy",
            missing_in="B",
            reason="oom",
            floor=True,
        ),
    ]
    with pytest.raises(UsageError, match="cannot be judged: no model has such a figure") as caught:
        judge([gate], comparison(floor, lost=lost))
    assert str(caught.value).endswith(
        "in A (before) alone: mlp digits; in B (after) alone: resnet digits"
    )
    with pytest.raises(UsageError, match="both runs have no figure"):
        judge([gate], comparison(floor))
    same = pair(name="accuracy", a=0.9, b=0.9, relative=False, unit="fraction")
    assert judge([gate], comparison(floor, same, lost=lost)) == []
    assert "mlp digits" in in_one_run_only([gate], comparison(floor, same, lost=lost))
    assert in_one_run_only([Gate.read("flops > 0")], comparison(floor, same, lost=lost)) == ""


def test_what_was_timed_in_turns():
    slow, fast = Timed("throughput", "mlp", -0.08, 0.0001), Timed("latency", "mlp", -0.02, 1e-9)
    gates = [Gate.read("throughput < -5%"), Gate.read("accuracy < 0")]
    found, rest = judge_timed(gates, [slow, fast])
    assert [one.fails for one in found] == [True]
    assert rest == [gates[1]]
    found, _ = judge_timed([Gate.read("* < -1%")], [slow, Timed("latency", "mlp", -0.02, 0.01)])
    assert [(one.fails, one.doubtful) for one in found] == [(True, False), (False, True)]
    broken = Timed("throughput", "mlp", float("nan"), 1.0, "oom: no memory")
    assert judge_timed(gates[:1], [broken])[0][0].fails
    with pytest.raises(UsageError, match="give %"):
        judge_timed([Gate.read("throughput < 5")], [slow])


def test_a_figure_that_is_undefined_in_b_alone_fails():
    gate = Gate.read("r2 < -0.1")
    nan = float("nan")
    (lost,) = judge([gate], comparison(pair("r2", 0.9, nan, None, relative=False, unit="")))
    assert lost.fails and "r2: 0.9 in A and nan in B" in lost.words
    (both,) = judge([gate], comparison(pair("r2", nan, nan, None, relative=False, unit="")))
    assert both.doubtful and not both.fails
