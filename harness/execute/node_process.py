"""The process that a node is in: its signals, priority, imports and plugins, made as they are where the run is."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.catalogue.host import PluginChoice
from harness.execute.engines import EngineSetting
from harness.execute.server_start import import_path


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


@dataclass(frozen=True, kw_only=True)
class NodeSetting:
    """What a node is started with: an engine's setting, and where the run's own process has things.

    folder: that the run was started in. path: where it imports from, as PYTHONPATH says it. files: {path: what it
    says} of plugins that are given as files.
    """

    setting: EngineSetting
    folder: str
    path: str
    files: Mapping[str, str]

    @classmethod
    def here(cls, setting: EngineSetting) -> NodeSetting:
        """Return the setting of nodes, as this process, which is the run's, has things."""
        given = [name for name in setting.plugins.files if Path(name).expanduser().is_file()]
        files = {name: Path(name).expanduser().read_text(encoding="utf-8") for name in given}
        return cls(setting=setting, folder=os.getcwd(), path=import_path(), files=files)

    def settle_in(self) -> EngineSetting:
        """Make this process, which is a node's, import and find what the run's does; return the setting as it is here.

        Folders are taken as far as they are here; a plugin's file that does not say the same here is written anew.
        """
        if os.path.isdir(self.folder):
            os.chdir(self.folder)
        known = {*sys.path, ""}
        sys.path += [
            one for one in self.path.split(os.pathsep) if one not in known and os.path.isdir(one)
        ]
        choice = self.setting.plugins
        chosen = (
            _plugin_here(name, self.files[name]) if name in self.files else name
            for name in choice.files
        )
        return replace(self.setting, plugins=PluginChoice(tuple(chosen), choice.blocked))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        setting = {**vars(self.setting), "plugins": self.setting.plugins.to_json()}
        return {**vars(self), "setting": setting}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NodeSetting:
        """Read what `to_json` returned."""
        plugins = {name: tuple(chosen) for name, chosen in values["setting"]["plugins"].items()}
        setting = EngineSetting(**{**values["setting"], "plugins": PluginChoice(**plugins)})
        return cls(**{**values, "setting": setting})


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
