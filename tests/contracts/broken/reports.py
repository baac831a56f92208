"""Reports that break their contracts."""

import time

from harness.api import Report


def unescaped(report):
    return "<table>" + "".join(f"<td>{row.architecture}</td>" for row in report.rows)


def best(report):
    return report.rows[0].architecture


def timed(report):
    return f"tiny {time.perf_counter_ns()}"


CASES = {
    "unescaped": (Report(name="x", render=unescaped, suffix=".html"), "Names with", "<script>"),
    "best": (Report(name="x", render=best), "A run in which", "IndexError"),
    "timed": (Report(name="x", render=timed), "The same run", "different files"),
    "none": (Report(name="x", render=lambda report: None), "It renders", "NoneType"),
    "suffix": (Report(name="x", render=best, suffix="txt"), "The suffix", "'txt'"),
}
