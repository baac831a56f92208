"""A real Slurm for tests: Debian's munged, slurmctld and slurmd on this machine, with all that they write in one folder."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NODE = "here"
CPUS = 4
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "setpriv")
_START_SECONDS = 30.0


class Slurm:
    """A cluster of one node that is said to have four CPUs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "slurm.conf"

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm prints."""
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=self.environment()
        )
        return done.stdout + done.stderr

    def environment(self) -> dict[str, str]:
        """Return this process's, with the cluster named."""
        return os.environ | {"SLURM_CONF": str(self.configuration)}

    def logs(self) -> str:
        """Return the end of what the daemons wrote."""
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-600:]}"
            for path in sorted(self.folder.glob("*.log"))
        )


def _configuration(folder: Path) -> str:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], other.getsockname()[1]
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    return f"""
ClusterName=tested
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
KillWait=2
SlurmdParameters=config_overrides
NodeName={NODE} NodeHostname=localhost NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory=8000 State=UNKNOWN
PartitionName=debug Nodes={NODE} Default=YES MaxTime=60 State=UP
PartitionName=long Nodes={NODE} MaxTime=7-00:00:00 State=UP
"""


@contextmanager
def real_slurm(folder: Path) -> Iterator[Slurm]:
    """Start a cluster and end it; skip the test, in words, where it cannot be had."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if lacking := [name for name in _PROGRAMS if shutil.which(name, path=path) is None]:
        pytest.skip(
            f"no {', '.join(lacking)} here: apt-get install slurmctld slurmd slurm-client munge"
        )
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    slurm = Slurm(folder)
    slurm.configuration.write_text(_configuration(folder))
    munge = {
        "key-file": "munge.key",
        "socket": "munge.socket",
        "pid-file": "munge.pid",
        "log-file": "munge.log",
        "seed-file": "munge.seed",
    }
    commands = {
        "munged": ["-F", "--force", *(f"--{key}={folder / name}" for key, name in munge.items())],
        "slurmctld": ["-D", "-c"],
        "slurmd": ["-D", "-N", NODE],
    }
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for name, arguments in commands.items():
            program = shutil.which(name, path=path)
            with open(folder / f"{name}.out.log", "wb") as log:
                daemons.append(
                    subprocess.Popen(
                        ["setpriv", "--pdeathsig", "KILL", str(program), *arguments],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        env=slurm.environment() | {"PATH": path},
                        start_new_session=True,
                    )
                )
            if name == "munged":
                _wait_for(lambda: (folder / "munge.socket").exists(), slurm, daemons)
        _wait_for(lambda: "idle" in slurm.ask("sinfo", "-h", "-o", "%T"), slurm, daemons)
        yield slurm
    finally:
        slurm.ask("scancel", "--me", "--hurry")
        until = time.monotonic() + _START_SECONDS
        while slurm.ask("squeue", "-h").strip() and time.monotonic() < until:
            time.sleep(0.2)
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in reversed(daemons):
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for step in _steps(folder):  # that had not told slurmctld of its end: it would try for ever
            with suppress(ProcessLookupError):
                os.kill(step, signal.SIGKILL)


def _steps(folder: Path) -> list[int]:
    """Return the processes that slurmd has left: they write its log."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if os.readlink(link) == str(folder / "slurmd.log"):
                found.add(int(link.parts[2]))
    return sorted(found)


def _wait_for(condition, slurm: Slurm, daemons: list[subprocess.Popen[bytes]]) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + _START_SECONDS
    while not condition():
        if time.monotonic() > until or any(daemon.poll() is not None for daemon in daemons):
            pytest.skip(f"Slurm does not start here: {slurm.logs()}")
        time.sleep(0.1)
