"""Observers are told the facts, and cannot stop anything."""

import logging
import sys
from pathlib import Path

from plugin_files import load, write

from harness.catalogue import hookspecs
from harness.catalogue.kinds import KINDS

README = Path(__file__).parents[2] / "plugins" / "README.md"

OBSERVER = """
seen = []
@hookimpl
def harness_run_started(run):
    seen.append(("run started", run["name"]))
@hookimpl
def harness_job_started(job):
    seen.append(("job started", job["label"]))
@hookimpl
def harness_job_finished(outcome):
    seen.append(("job finished", outcome["status"]))
@hookimpl
def harness_run_finished(run, counts):
    seen.append(("run finished", counts))
"""

FAILING = """
import sys
@hookimpl
def harness_run_started(run):
    raise RuntimeError("an observer fell over")
@hookimpl
def harness_job_started(job):
    sys.exit("an observer wants to leave")
"""


def notify_all(host):
    job = {"fingerprint": "f", "sort": "fit", "label": "fit mlp#0", "slot": "cpu0"}
    host.notify("harness_run_started", run={"name": "quick-0001"})
    host.notify("harness_job_started", job=job)
    host.notify("harness_job_finished", job=job, outcome={"status": "ok"})
    host.notify("harness_run_finished", run={"name": "quick-0001"}, counts={"ok": 1})


def test_an_observer_gets_the_facts_that_it_names(tmp_path):
    notify_all(load(write(tmp_path, "an_observer", OBSERVER)))
    assert sys.modules["an_observer"].seen == [
        ("run started", "quick-0001"),
        ("job started", "fit mlp#0"),
        ("job finished", "ok"),
        ("run finished", {"ok": 1}),
    ]


def test_an_observer_that_raises_is_logged_and_stops_nothing(tmp_path, caplog):
    files = [
        write(tmp_path, "failing_observer", FAILING),
        write(tmp_path, "calm_observer", OBSERVER),
        write(tmp_path, "other_failing", FAILING),
    ]
    with caplog.at_level(logging.ERROR, logger="harness.plugins"):
        notify_all(load(*files))
    assert len(sys.modules["calm_observer"].seen) == 4
    messages = [entry.getMessage() for entry in caplog.records]
    assert messages.count("plugin failing_observer failed in harness_run_started") == 1
    assert messages.count("plugin other_failing failed in harness_job_started") == 1
    assert "an observer fell over" in caplog.text


def hooks() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("harness_")]


def test_every_kind_has_a_hook():
    assert set(hookspecs.REGISTER_HOOKS) == set(KINDS)
    registering = {name for name in hooks() if name.startswith("harness_register_")}
    assert set(hookspecs.REGISTER_HOOKS.values()) == registering


def test_every_hook_has_a_docstring_and_a_line_in_the_readme():
    table = [line for line in README.read_text(encoding="utf-8").splitlines() if "|" in line]
    for name in hooks():
        function = getattr(hookspecs, name)
        assert function.__doc__
        (line,) = [line for line in table if f"`{name}" in line]
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        if names:
            assert f"`{name}({', '.join(names)})`" in line
