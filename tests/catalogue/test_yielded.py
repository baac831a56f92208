"""What the metrics of measures are called: known before any of them runs."""

import ast
from pathlib import Path

from harness.api import Measure
from harness.catalogue.host import Host
from harness.catalogue.yielded import FIT_METRICS, metric_names

CATALOGUE = Host().catalogue
ROOT = Path(__file__).parents[2]
NO_METRICS = {"gain"}  # a mean that a finding alone is made of


def test_the_names_of_built_in_measures() -> None:
    items = [entry.item for entry in CATALOGUE.entries("measure").values()]
    named = {item.name: metric_names(CATALOGUE, item) for item in items}
    assert all(named.values())
    assert {"accuracy", "mean_iou", "token_accuracy", "nonfinite_share"} <= named["accuracy"]
    assert {"shifted_mase", "mean_shifted_r2"} <= named["shift"]
    assert not any("*" in name for names in named.values() for name in names)
    assert metric_names(CATALOGUE, Measure(name="x", run="a:b", takes=("image",))) is None


def test_no_metric_of_the_sources_is_left_out() -> None:
    """Contracts run measures on small data; of what they yield elsewhere alone, the sources have the names."""
    known = {"out_of_memory", *FIT_METRICS}
    for entry in CATALOGUE.entries("measure").values():
        known |= metric_names(CATALOGUE, entry.item) or set()
    written = {
        name
        for place in ("plugins/*/*.py", "plugins/*/measures/*.py", "harness/execute/fit_job.py")
        for path in ROOT.glob(place)
        if "Metric" in (text := path.read_text(encoding="utf-8"))
        for name in _names(ast.parse(text))
    }
    assert len(written) > 60
    assert written - known - NO_METRICS == set()


def _names(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "metric" in _called(node).lower():
            keywords = [one.value for one in node.keywords if one.arg == "name"]
            for value in [*keywords, *(node.args[:1] if _called(node) != "Metric" else ())]:
                if (
                    isinstance(value, ast.Constant)
                    and isinstance(value.value, str)
                    and value.value.isidentifier()
                ):
                    yield value.value


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))
