"""The process that a node is in: its signals, priority, imports and plugins, made as they are where the run is."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.catalogue.host import PluginChoice
from harness.execute.engines import EngineSetting


def become_plain() -> list[str]:
    """Undo what a manager of clusters has set in this process and what starts here would inherit; say what cannot be.

    Ray lowers the priority of its workers, blocks and ignores signals, and offers them to the kernel where memory runs
    out: what is timed, killed or weighed below would mean another thing than on a machine of one's own.
    """
    refused = []
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        with contextlib.suppress(OSError, ValueError):  # the C library keeps some for itself
            if signal.getsignal(number) == signal.SIG_IGN and number != signal.SIGPIPE:
                signal.signal(number, signal.SIG_DFL)
    if os.getpriority(os.PRIO_PROCESS, 0) > 0:
        try:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
        except OSError:
            refused.append(f"its jobs run at niceness {os.getpriority(os.PRIO_PROCESS, 0)}")
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("0")
    return refused


def settle_in(
    setting: EngineSetting, folder: str, path: str, files: Mapping[str, str]
) -> EngineSetting:
    """Make this process import and find what the run's does, and return its setting as it is here.

    folder: that the run was started in; path: where it imports from. Both are taken as far as they are here.
    files: {path of a plugin's file: what it says} of those that are given by path; one that does not say so here is
    written anew.
    """
    if os.path.isdir(folder):
        os.chdir(folder)
    sys.path += [
        one for one in path.split(os.pathsep) if one and one not in sys.path and os.path.isdir(one)
    ]
    chosen = [
        _plugin_here(name, files[name]) if name in files else name for name in setting.plugins.files
    ]
    return replace(setting, plugins=PluginChoice(tuple(chosen), setting.plugins.blocked))


def plugin_files(choice: PluginChoice) -> dict[str, str]:
    """Return {path: what it says} of the plugins that are given as files, for `settle_in` elsewhere."""
    return {
        name: Path(name).expanduser().read_text(encoding="utf-8")
        for name in choice.files
        if Path(name).expanduser().is_file()
    }


def _plugin_here(name: str, text: str) -> str:
    if says(os.path.expanduser(name), text):
        return name
    folder = Path(tempfile.mkdtemp(prefix="model-harness-plugin-"))
    path = folder / Path(name).name
    path.write_text(text, encoding="utf-8")
    return str(path)


def says(name: str, text: str) -> bool:
    """Whether a file is here and has that text."""
    with contextlib.suppress(OSError, ValueError):
        return Path(name).read_text(encoding="utf-8") == text
    return False
