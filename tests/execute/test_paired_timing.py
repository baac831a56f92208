"""`harness run --against`: what two runs have timed, timed again in turns."""

from pathlib import Path

import pytest
from here_engine import run_here

from harness.errors import UsageError
from harness.execute.paired_timing import PairedTiming, first_units, time_in_pairs
from harness.execute.session import load_run, run
from harness.measure import alternation
from harness.measure.metric import Metric
from harness.statistics.paired_ratio import PairedRatio
from harness.store.records import OK, Outcome

PLUGIN = """
import time
from pathlib import Path
from harness.api import Measure, Metric, hookimpl
from harness.api.measuring import time_calls

def measure(context):
    seconds = float(Path({path!r}).read_text())
    timing = time_calls(lambda: time.sleep(seconds), seconds=0.05, series="sleep")
    yield Metric(name="sleep", value=timing.median, unit="s")

def broken(context):
    if Path({path!r}).read_text() == "0.002":
        raise SystemExit("no")
    time_calls(lambda: None, seconds=0.01)
    yield Metric(name="broken", value=1.0)

@hookimpl
def harness_register_measures():
    yield Measure(name="sleep", takes=("image", "sequence", "table"), run=measure, scope="architecture", exclusive=True)
    yield Measure(name="broken", takes=("image", "sequence", "table"), run=broken, scope="architecture", exclusive=True)
"""


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(alternation, "PAIRS", 3)
    monkeypatch.setattr(alternation, "TURNS", 2)
    (tmp_path / "speed.txt").write_text("0.001")
    (tmp_path / "mine.py").write_text(PLUGIN.format(path=str(tmp_path / "speed.txt")))
    return tmp_path


def make_run(workplace: Path, *measures: str):
    suite = {
        "suite": {"name": "small"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
        "measure": [{"name": name} for name in measures],
    }
    return run_here(suite, store=workplace / "runs", plugins=[str(workplace / "mine.py")])


@pytest.mark.slow
def test_equal_sides_are_compared_in_pairs_of_processes(workplace: Path) -> None:
    first, second = make_run(workplace, "sleep"), make_run(workplace, "sleep")
    lines: list[str] = []
    (found,) = time_in_pairs(second.data, first.data, second.host, report=lines.append)
    assert (found.label, found.series) == ("sleep mlp digits", "sleep")
    assert found.ratio is not None
    assert found.ratio.pairs == 3
    assert 0.7 < found.ratio.value < 1.4
    assert lines == ["[1/1] sleep mlp digits, interleaved"]
    assert load_run(workplace / "runs").name == second.name  # nothing is recorded


@pytest.mark.slow
def test_a_side_that_breaks_ends_its_job_alone(workplace: Path) -> None:
    done = make_run(workplace, "broken", "sleep")
    (workplace / "speed.txt").write_text("0.002")
    broken, sleep = time_in_pairs(done.data, done.data, done.host)
    assert broken.ratio is None
    assert "SystemExit: no" in broken.reason
    assert sleep.ratio is not None


def test_runs_without_a_common_timed_job_are_refused(workplace: Path) -> None:
    first, second = make_run(workplace, "sleep"), make_run(workplace, "flops")
    with pytest.raises(UsageError, match="no timed job in common"):
        time_in_pairs(second.data, first.data, second.host)


def test_a_run_that_could_not_be_timed_against_another_is_refused_before_it_starts(
    workplace: Path,
) -> None:
    timed = make_run(workplace, "sleep", "flops")
    counted = make_run(workplace, "flops")
    for against, measure, why in (
        (timed, "flops", "the suite has no measure that times or weighs"),
        (counted, "sleep", f"{counted.name} has timed nothing"),
    ):
        with pytest.raises(UsageError, match=why):
            run(
                architectures=["mlp"],
                datasets=["digits"],
                measures=[measure],
                store=workplace / "runs",
                plugins=[str(workplace / "mine.py")],
                against=against.data,
            )
    assert load_run(workplace / "runs").name == counted.name


def test_what_reads_a_rate_is_what_its_measure_says_first_of_a_series() -> None:
    """Whatever the measure is called: a rate falls by half where the seconds double."""
    metrics = (
        Metric(name="words", value=9.0, unit="1/s", samples="batch_1"),
        Metric(name="words_p50", value=0.1, unit="s", samples="batch_1"),
        Metric(name="wait", value=0.2, unit="s", samples="batch_2"),
        Metric(name="weight", value=3.0, unit="bytes"),
    )
    units = first_units(Outcome(fingerprint="0", status=OK, metrics=metrics))
    assert (units["batch_1"], units["batch_2"]) == ("1/s", "s")
    twice = PairedRatio(value=2.0, low=1.9, high=2.1, p_value=0.01, pairs=3)
    assert PairedTiming("a", "reading", "batch_1", twice, is_rate=True).change == -0.5
    assert PairedTiming("a", "throughput_of_waits", "batch_2", twice).change == 1.0
