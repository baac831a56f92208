"""How a run was started, as it is kept with it."""

import subprocess
import sys

from harness.machine.invocation import describe_commit, describe_invocation


def test_the_command_is_as_it_was_typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/harness", "run", "quick", "-a", "vit:depth=[2,4]"])
    assert describe_invocation()["command"] == "harness run quick -a 'vit:depth=[2,4]'"
    monkeypatch.setattr(sys, "argv", ["-c", "x"])
    assert describe_invocation()["command"] == ""


def test_the_commit_and_whether_files_differ(tmp_path):
    assert describe_commit(tmp_path) == ""

    def git(*words: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *settings, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "net.py").write_text("a = 1")
    git("add", "net.py")
    git("commit", "-qm", "Begin")
    head = git("rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("runs")
    assert describe_commit(tmp_path) == head
    (tmp_path / "net.py").write_text("a = 2")
    assert describe_commit(tmp_path) == f"{head} with changes"
