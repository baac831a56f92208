"""A cluster of Ray on this machine, whose nodes are real processes that can be killed one by one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_TRIES = 3
_SCRIPT = """
import json, sys
from ray.cluster_utils import Cluster
cluster = Cluster()
nodes = [cluster.add_node(num_cpus=int(cpus)) for cpus in sys.argv[1:]]
def tell():
    print(json.dumps([cluster.address, *(node.all_processes["raylet"][0].process.pid for node in nodes)]), flush=True)
tell()
for line in sys.stdin:
    nodes.append(cluster.add_node(num_cpus=int(line)))
    tell()
cluster.shutdown()
"""


@dataclass
class RayCluster:
    """The process that has started the cluster; the head is the first node."""

    process: subprocess.Popen[str]
    folder: str
    address: str = ""
    raylets: tuple[int, ...] = ()

    @classmethod
    def start(cls, *cpus: int) -> RayCluster:
        """Start a cluster of nodes with so many CPUs each.

        Ray gives a node 30 s, which a busy machine may not keep: it is tried again.
        """
        for _ in range(_TRIES - 1):
            with contextlib.suppress(RuntimeError):
                return cls._start(*cpus)
        return cls._start(*cpus)

    @classmethod
    def _start(cls, *cpus: int) -> RayCluster:
        folder = tempfile.mkdtemp(
            prefix="ray", dir="/tmp"
        )  # the names of its sockets may have 107 bytes
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, *map(str, cpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"RAY_TMPDIR": folder},
        )
        cluster = cls(process, folder)
        cluster._hear()
        return cluster

    def add(self, cpus: int) -> None:
        """Add a node."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{cpus}\n")
        self.process.stdin.flush()
        self._hear()

    def kill(self, number: int) -> None:
        """Kill a node: its raylet, and its workers with it, as they notice."""
        os.kill(self.raylets[number], signal.SIGKILL)

    def workers(self, number: int) -> list[int]:
        """Return the processes of a node's actors of the harness."""
        children = Path(f"/proc/{self.raylets[number]}/task/{self.raylets[number]}/children")
        return [
            int(child)
            for child in children.read_text().split()
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"ray::Worker")
        ]

    def close(self) -> None:
        """End all of it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60.0)
        assert self.process.stdout is not None
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _hear(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"no cluster: it ended with {self.process.returncode}")
        self.address, *raylets = json.loads(line)
        self.raylets = tuple(raylets)
