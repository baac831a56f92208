"""How nodes come into a run: met once, compared with what is installed here, and started."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.api import UsageError
from harness.api.nodes import Installed, NodeSetting
from harness.api.running import EngineSetting, Machine
from harness_ray.cluster import Cluster, RayNode

_log = logging.getLogger("harness.engine")


class NodeStarts:
    """The nodes of a cluster on their way into a run."""

    def __init__(self, setting: EngineSetting, cluster: Cluster) -> None:
        """Take what the run's jobs need, and look at what is installed here of that."""
        self._setting, self._cluster = setting, cluster
        self._sent = NodeSetting.here(setting).to_json()
        self._here = Installed.look(setting.plugins, setting.modules)
        self._met: set[str] = set()  # nodes that were looked at, whatever came of it

    def meet(self) -> list[RayNode]:
        """Return the nodes that are ready and were not looked at before."""
        found = [node for name, node in self._cluster.nodes.items() if name not in self._met]
        self._met.update(node.name for node in found)
        return found

    def check(self, nodes: Sequence[RayNode]) -> None:
        """Refuse nodes that would not run the same code as would run here.

        Raises:
            UsageError: There is one.
        """
        told = self._cluster.answers(
            {node.name: node.actor.installed.remote(self._sent) for node in nodes}
        )
        found = [
            f"{name} has {'; '.join(differences)}"
            for name, there in told.items()
            if (differences := self._here.differences(Installed(**there)))
        ]
        if found:
            words = "\n".join(found)
            raise UsageError(
                f"outcomes would not be those of what is installed here:\n{words}\ninstall the same on all nodes"
            )

    def start(self, nodes: Sequence[RayNode]) -> list[tuple[RayNode, Machine]]:
        """Start nodes and return those that have places for jobs, with their machines."""
        there = [node for node in nodes if node.name in self._cluster.nodes]
        told_by = self._cluster.answers(
            {one.name: one.actor.start.remote(self._setting_of(one), one.name) for one in there}
        )
        started = []
        for node in [one for one in there if one.name in told_by]:
            told, refused = told_by[node.name]
            if refused:
                _log.warning("%s: %s", node.name, "; ".join(refused))
            here = Machine.from_json(told)
            slots = self._slots(node)
            if slots and node.machine is not None:
                started.append((node, replace(here, cpu_slots=slots, gpus=node.machine.gpus)))
        return started

    def _slots(self, node: RayNode) -> int:
        assert node.machine is not None
        slots = self._cluster.slots(node.machine, node.cpus, self._setting.threads)
        return min(slots, self._setting.cpu_slots or slots)

    def _setting_of(self, node: RayNode) -> dict[str, Any]:
        return {
            **self._sent,
            "setting": {**self._sent["setting"], "cpu_slots": max(1, self._slots(node))},
        }
