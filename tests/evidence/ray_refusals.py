"""What a run says of a cluster of Ray on which it cannot run, and that it runs where nodes do not see its store.

    unshare -m true && python tests/evidence/ray_refusals.py

Real nodes on this machine. One has an empty folder in place of the one with the store and a plugin (a mount of its own, which
only root may make). Another has a torch of another version and another harness, by folders that come first in its path. Each refusal
is a sentence and exit code 2.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "execute"), str(TESTS / "plugins" / "harness_ray")]

from harness_process import Workplace, outcomes, rows, small_suite
from ray_cluster import RayCluster

import harness

PLAIN = "exec {python} -m ray.scripts.scripts start --address={address} --num-cpus=2 --block"
HIDDEN = "mount -t tmpfs none {folder} && " + PLAIN
COUNT = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
print(sum(node["Alive"] for node in ray.nodes()))
"""
PLUGIN = """
from harness.api import Measure, Metric, hookimpl

def shade(context):
    yield Metric(name="shade", value=0.5)

@hookimpl
def harness_register_measures():
    yield Measure(name="shade", run=shade, scope="data", takes=("image",))
"""


def distribution(folder: Path, name: str, version: str, entry_point: str = "") -> None:
    """Plant what is known of an installed distribution."""
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if entry_point:
        (about / "entry_points.txt").write_text(f"[harness]\n{entry_point}\n")


def node(script: str, address: str, folder: Path, *path: Path) -> subprocess.Popen[bytes]:
    """Start a node in a space of mounts of its own, with folders that come first in its path."""
    before = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    return subprocess.Popen(
        [
            *("unshare", "-m", "sh", "-c"),
            script.format(python=sys.executable, address=address, folder=folder),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*map(str, path), *before])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


SECONDS = 600.0  # for a run


def wait_for_nodes(address: str, count: int) -> None:
    """Wait until a cluster has so many nodes, as what is shown tells nothing before."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        done = subprocess.run(
            [sys.executable, "-c", COUNT, address], capture_output=True, text=True, check=True
        )
        if int(done.stdout.split()[-1]) == count:
            return
        time.sleep(2.0)
    raise SystemExit(f"the cluster does not come to {count} nodes in {SECONDS:g} s")


def run(place: Workplace, what: str, store: Path, address: str) -> None:
    """Run the small suite and print what came of it."""
    began = time.monotonic()
    code, out, errors = place.run("small.toml", store, "--engine", f"ray:address={address}")
    said = " ".join((errors if code else out).split())
    print(f"{what}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
    if code:
        print(f"    {said[-600:]}", flush=True)


def main() -> None:
    """Print what was said."""
    with tempfile.TemporaryDirectory() as folder:
        seen, hidden = Path(folder, "seen"), Path(folder, "hidden")
        seen.mkdir()
        hidden.mkdir()
        place = Workplace(seen)
        place.patience = SECONDS
        place.write("small.toml", small_suite(seeds=(0,)))
        run(place, "an address that takes no connection", seen / "store", "198.51.100.1:6379")
        cluster = RayCluster.start(2)
        nodes = [node(HIDDEN, cluster.address, hidden)]
        wait_for_nodes(cluster.address, 2)
        try:
            run(
                place, "a store that one of two nodes cannot see", hidden / "store", cluster.address
            )
            found = outcomes(hidden / "store").values()
            environments = rows(hidden / "store", "SELECT content FROM environments")
            machines = {json.loads(row["content"])["machine"] for row in environments}
            print(f"    {dict(Counter(row['status'] for row in found))} on {sorted(machines)}")

            plugin = hidden / "plugin"
            distribution(plugin, "shady", "1.0", "shady = shady")
            (plugin / "shady.py").write_text(PLUGIN)
            os.environ["PYTHONPATH"] = str(plugin)
            place.write("small.toml", small_suite(seeds=(0,), more='[[measure]]\nname = "shade"\n'))
            run(place, "a node without a plugin", seen / "store", cluster.address)
            del os.environ["PYTHONPATH"]
            place.write("small.toml", small_suite(seeds=(0,)))
            nodes.pop().terminate()

            other = Path(folder, "other")
            distribution(other, "torch", "9.9.0")
            shutil.copytree(Path(harness.__file__).parent, other / "harness")
            with open(other / "harness" / "train" / "fit.py", "a") as file:
                # Planted in a copy and never called: a harness whose code differs is what nodes must refuse.
                file.write("\n\ndef fit_otherwise() -> None:\n    raise NotImplementedError\n")
            wait_for_nodes(cluster.address, 1)
            nodes.append(node(PLAIN, cluster.address, hidden, other))
            wait_for_nodes(cluster.address, 2)
            run(place, "a node with another torch and harness", seen / "store", cluster.address)
        finally:
            for one in nodes:
                one.terminate()
            cluster.close()


if __name__ == "__main__":
    main()
