"""Observers are told the facts, and cannot stop anything."""

import dataclasses
import logging
import re
import sys
import typing
from pathlib import Path

import pytest
from plugin_files import load, write

from harness.catalogue import hookspecs
from harness.catalogue.events import (
    Event,
    JobFinished,
    JobGoesOn,
    JobStarted,
    RunFinished,
    RunStarted,
    RunWaits,
)
from harness.catalogue.kinds import KINDS

README = Path(__file__).parents[2] / "plugins" / "README.md"

OBSERVER = """
seen = []
@hookimpl
def harness_run_started(event):
    seen.append(("run started", event.run))
@hookimpl
def harness_job_started(event):
    seen.append(("job started", event.label))
@hookimpl
def harness_job_goes_on(event):
    seen.append(("job goes on", event.said))
@hookimpl
def harness_job_finished(event):
    seen.append(("job finished", event.status))
@hookimpl
def harness_run_waits(event):
    seen.append(("run waits", event.waits_for))
@hookimpl
def harness_run_finished(event):
    seen.append(("run finished", event.counts))
"""

FAILING = """
import sys
@hookimpl
def harness_run_started(event):
    raise RuntimeError("an observer fell over")
@hookimpl
def harness_job_started(event):
    sys.exit("an observer wants to leave")
"""

RUN = "quick-0001"
JOB = {"run": RUN, "fingerprint": "f", "sort": "fit", "label": "fit mlp#0"}
EVENTS = {
    "run_started": RunStarted(
        run=RUN, suite="quick", store="runs", trials=1, jobs=1, cached=0, skipped=0, to_do=1,
        places={"cpu": 2}, seconds=1.0,
    ),
    "job_started": JobStarted(**JOB, place="cpu0"),
    "job_goes_on": JobGoesOn(**JOB, seconds=20.0, said="epoch 2/30"),
    "job_finished": JobFinished(**JOB, status="ok"),
    "run_waits": RunWaits(run=RUN, waits_for=("another",), seconds=2.0),
    "run_finished": RunFinished(
        run=RUN, suite="quick", store="runs", status="completed", counts={"ok": 1}, seconds=1.0
    ),
}  # fmt: skip


def notify_all(host):
    for name, event in EVENTS.items():
        host.notify(f"harness_{name}", event=event)


def test_an_observer_gets_the_facts(tmp_path):
    notify_all(load(write(tmp_path, "an_observer", OBSERVER)))
    assert sys.modules["an_observer"].seen == [
        ("run started", "quick-0001"),
        ("job started", "fit mlp#0"),
        ("job goes on", "epoch 2/30"),
        ("job finished", "ok"),
        ("run waits", ("another",)),
        ("run finished", {"ok": 1}),
    ]


def test_every_event_has_a_hook_and_cannot_be_changed():
    assert {type(event) for event in EVENTS.values()} == set(typing.get_args(Event))
    for name, event in EVENTS.items():
        hook = getattr(hookspecs, f"harness_{name}")
        assert typing.get_type_hints(hook)["event"] is type(event)
        with pytest.raises(dataclasses.FrozenInstanceError):
            event.run = "another"


def test_an_observer_that_raises_is_logged_and_stops_nothing(tmp_path, logged):
    files = [
        write(tmp_path, "failing_observer", FAILING),
        write(tmp_path, "calm_observer", OBSERVER),
        write(tmp_path, "other_failing", FAILING),
    ]
    notify_all(load(*files))
    assert len(sys.modules["calm_observer"].seen) == len(EVENTS)
    assert {entry.name for entry in logged} == {"harness.plugins"}
    messages = [entry.getMessage() for entry in logged if entry.levelno == logging.ERROR]
    assert messages.count("plugin failing_observer failed in harness_run_started") == 1
    assert messages.count("plugin other_failing failed in harness_job_started") == 1
    assert "an observer fell over" in {str(entry.exc_info[1]) for entry in logged}


def test_an_observer_that_keeps_a_run_waiting_is_named(tmp_path, logged, monkeypatch):
    monkeypatch.setattr("harness.catalogue.host._SLOW_SECONDS", 0.02)
    slow = OBSERVER.replace(
        'seen.append(("run started', 'import time; time.sleep(0.05); (("run started'
    )
    notify_all(load(write(tmp_path, "slow_observer", slow)))
    (entry,) = logged
    assert entry.getMessage() == (
        "plugin slow_observer took 0 s in harness_run_started, and no job could start meanwhile"
    )


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


def test_the_observer_of_the_readme_notes_what_went_wrong(tmp_path, monkeypatch):
    (source,) = re.findall(
        r"<!-- observer -->\n```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    (tmp_path / "readme_observer.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    host = load(str(tmp_path / "readme_observer.py"))
    for status, reason in (("ok", ""), ("failed", "no disk"), ("skipped", "for images")):
        event = JobFinished(**JOB, status=status, reason=reason)
        host.notify("harness_job_finished", event=event)
    noted = (tmp_path / "trouble.txt").read_text()
    assert noted == "quick-0001: fit mlp#0 is failed: no disk\n"
