"""Engines that break their contracts: none runs anything, each says what became of a job that it was given."""

import time
from pathlib import Path
from typing import ClassVar

from harness.api import Engine
from harness.api.running import Busy, Ended, Outcome, Place, this_machine

ENDS = {"works": "ok", "raises": "failed", "dies": "crashed", "exhausts": "oom"}


class Sound:
    """Does what a contract asks of it, at once, for the least that a contract can see."""

    ENDS = ENDS

    def __init__(self, setting):
        self.machines = [this_machine(cpu_slots=2)]
        self.free, self.works, self.alone, self.killed = [0, 1], [], False, []

    def reserve(self, job, machines=()):
        if self.alone or not self.free or (job.exclusive and self.works):
            return Busy()
        self.alone = job.exclusive
        return Place(name=f"cpu{self.free.pop()}")

    def submit(self, work):
        work.began = time.monotonic()
        self.works.append(work)
        folder, job = Path(work.request.folder), work.request.job
        read = [Path(one, "left/by_a_probe.bin").read_text() for one in work.request.needs.values()]
        (folder / "left").mkdir()
        (folder / "left/by_a_probe.bin").write_text("".join([job.label, *read]))
        (folder / "log.txt").write_text(f"{job.label} {job.spec['deed']}")

    def wait(self, timeout):
        ended = []
        for work in list(self.works):
            status = self.ENDS.get(work.request.job.spec["deed"])
            reason = dict(self.killed).get(work.token, "as it should")
            if status or work.token in dict(self.killed):
                self.works.remove(work)
                ended.append(self.end(work, status or "timeout", reason))
        if not ended:
            time.sleep(min(timeout, 0.01))
        return ended

    def end(self, work, status, reason):
        self.alone = False
        self.free.append(int(work.place.name[3:]))
        job = work.request.job
        return Ended(work.token, Outcome(fingerprint=job.fingerprint, status=status, reason=reason))

    def kill(self, token, reason):
        self.killed.append((token, reason))

    def close(self):
        self.works.clear()


class Nowhere(Sound):
    def __init__(self, setting):
        super().__init__(setting)
        self.machines = [*self.machines, *self.machines]


class Crowded(Sound):
    def reserve(self, job, machines=()):
        self.free = self.free or [7]
        return super().reserve(job)


class Sociable(Sound):
    def reserve(self, job, machines=()):
        self.alone = False
        return super().reserve(job)


class Forgetful(Sound):
    def end(self, work, status, reason):
        Path(work.request.folder, "left/by_a_probe.bin").unlink()
        return super().end(work, status, reason)


class Mute(Sound):
    def end(self, work, status, reason):
        Path(work.request.folder, "log.txt").unlink()
        return super().end(work, status, reason)


class Stammering(Sound):
    def wait(self, timeout):
        ended = super().wait(timeout)
        self.said = ended or getattr(self, "said", [])
        return ended or self.said


class Silent(Sound):
    ENDS: ClassVar[dict[str, str]] = {}


class Held(Silent):
    def submit(self, work):
        super().submit(work)
        work.waits_for = "the CPU, which another run has"


class Mild(Sound):
    ENDS = ENDS | {"dies": "failed"}


class Deaf(Sound):
    def end(self, work, status, reason):
        return super().end(work, status, "as it should")


class Unclosed(Sound):
    def close(self):
        raise RuntimeError("it goes on")


def broken(engine, contract, words):
    return Engine(name="x", start=engine), contract, words


CASES = {
    "engine": broken(lambda cluster: None, "It can be started", "cluster"),
    "machines of one name": broken(Nowhere, "It has machines", "['', '']"),
    "more places than there are": broken(Crowded, "A place is taken", "it gives more places"),
    "company": broken(Sociable, "A place is taken", "beside a job that must be alone"),
    "lost files": broken(Forgetful, "A job finds", "No such file"),
    "lost logs": broken(Mute, "A job finds", "log.txt of 'probe"),
    "two ends": broken(Stammering, "A job finds", "ended"),
    "no end": broken(Silent, "A job finds", "1 of 1 jobs have not ended"),
    "held up": broken(
        Held,
        "A job finds",
        "1 of 1 jobs have not ended, which wait for the CPU, which another run has",
    ),
    "another end": broken(Mild, "What ends badly", "a job that dies ends as failed, not crashed"),
    "another reason": broken(Deaf, "What ends badly", "its reason is 'as it should'"),
    "no close": broken(Unclosed, "It can be closed", "it goes on"),
}
WAITED_FOR = ("no end", "held up")
"""Cases in which what is waited for never comes."""
