"""Plugins as files, for tests that load real ones."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

from harness.catalogue.host import Host, PluginChoice, PluginRecord


def write(folder: Path, name: str, source: str) -> str:
    path = folder / f"{name}.py"
    path.write_text("from harness.api import *\n" + dedent(source))
    return str(path)


def load(*files: str, blocked: Sequence[str] = ()) -> Host:
    return Host(PluginChoice(files=files, blocked=tuple(blocked)))


def record(host: Host, name: str) -> PluginRecord:
    (found,) = [plugin for plugin in host.plugins if plugin.name == name]
    return found
