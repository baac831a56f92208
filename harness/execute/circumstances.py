"""What an outcome depends on beside its fingerprint, and whether that is still as it was.

A plan is made before anything runs, so its fingerprints cannot cover the files that a job turns out to
read, nor modules that are loaded by computed names. These are kept with the outcome, which holds as long
as they say the same. A *state* digests them, with the states of what the job needed (its *basis*), so
that what was measured on a fit made of other files does not hold either. A job that a person wants fresh
gets a state of its own, whatever it reads. "" means: the fingerprint says all.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.modules import find_source
from harness.catalogue.reach import reach
from harness.catalogue.roots import Roots
from harness.execute.files_read import is_as_then, read_now
from harness.execute.request import Items
from harness.plan.fingerprint import join
from harness.plan.jobs import Job, named_items
from harness.plan.names import choose_one
from harness.plan.references import references
from harness.store.circumstances import Candidate
from harness.store.disk import is_whole
from harness.store.recorder import Recorder
from harness.store.records import FileRead, Outcome

_LOST = "lost"  # in place of the state of what an outcome was made without


def basis_of(job: Job, states: Mapping[str, str], lost: Container[str] = ()) -> str:
    """Return the basis of a job's outcome from {fingerprint: state} of what it needs.

    lost: of these, what did not end ok, so that the outcome is of the others (`harness.plan.jobs.Job.can_do_without`).
    """
    known = [_LOST if need in lost else states.get(need, "") for need in job.needs]
    return join(*known) if any(known) else ""


def state_of(basis: str, files: Iterable[FileRead], fresh: str = "") -> str:
    """Return the state of an outcome. fresh: names the run that a person wanted it fresh in."""
    read = sorted(f"{file.path} {file.digest}" for file in files)
    return join(basis, fresh, *read) if basis or fresh or read else ""


class FilesNow:
    """Whether files are as they were when outcomes were made; looks at each once."""

    def __init__(self) -> None:
        """Know of none."""
        self._known: dict[FileRead, bool] = {}
        self.changed: set[str] = set()

    def hold(self, candidate: Candidate) -> bool:
        """Whether all files that a job read say what they said."""
        return all(self._is_as_then(file) for file in candidate.files)

    def _is_as_then(self, file: FileRead) -> bool:
        if file not in self._known:
            self._known[file] = is_as_then(file)
            if not self._known[file]:
                self.changed.add(file.path)
        return self._known[file]


class RunCircumstances:
    """What the outcomes of a run depend on beside their fingerprints.

    states: {fingerprint: state} of outcomes that hold; the run's own are added. fresh: jobs that a person
    wants to run again. run: its name. latest: the id of the latest outcome when it began.
    """

    def __init__(
        self,
        states: Mapping[str, str],
        fresh: frozenset[str],
        run: str,
        latest: int,
        catalogue: Catalogue,
    ) -> None:
        """Take what is known when the run starts."""
        self._states, self._fresh, self._run = dict(states), fresh, run
        self._latest, self._catalogue = latest, catalogue
        # Fingerprints of what earlier runs made without what failed, as that did again.
        self._taken_over: set[str] = set()

    def is_fresh(self, job: Job) -> bool:
        """Whether a person wants a job to run again from its beginning."""
        return job.fingerprint in self._fresh

    def complete(self, job: Job, outcome: Outcome, lost: Container[str] = ()) -> Outcome:
        """Return a job's outcome with what it depends on. lost: as of `basis_of`."""
        if not outcome.is_ok:
            return outcome
        files = outcome.files_read
        if outcome.modules:
            files += tuple(sources_beyond(job, outcome.modules, self._catalogue))
        basis = basis_of(job, self._states, lost)
        fresh = self._run if self.is_fresh(job) else ""
        state = state_of(basis, files, fresh)
        if state:  # where there is none, nothing is kept for each of many jobs
            self._states[job.fingerprint] = state
        else:
            self._states.pop(job.fingerprint, None)
        return replace(outcome, files_read=files, basis=basis, state=state)

    def made_elsewhere(self, job: Job, store: Recorder, lost: Container[str] = ()) -> int | None:
        """Return the id of an outcome that another run has made since this one began, and that holds.

        Or one of an earlier run, where what that had to do without has failed again: when this run began, that was not known.
        """
        again = any(need in lost or need in self._taken_over for need in job.needs)
        since = -1 if again and not self.is_fresh(job) else self._latest
        basis, files = basis_of(job, self._states, lost), FilesNow()
        for made in store.candidates([job.fingerprint]).get(job.fingerprint, ()):
            if made.outcome > since and made.basis == basis and files.hold(made):
                if made.outcome <= self._latest:
                    if not is_whole(store.folders_of([made.outcome])[made.outcome]):
                        continue
                    self._taken_over.add(job.fingerprint)
                self._states[job.fingerprint] = made.state
                return made.outcome
        return None


def sources_beyond(job: Job, modules: Iterable[str], catalogue: Catalogue) -> list[FileRead]:
    """Return the sources of modules that a job imported and that no syntax of its items leads to."""
    waiting = [Items(catalogue)(kind, spec) for kind, spec in named_items(job.spec)]
    covered: set[str] = set()
    while waiting:
        chosen = waiting.pop()
        covered |= reach(Roots(chosen.item).definitions).modules
        waiting += [choose_one(catalogue, kind, name) for _, kind, name in references(chosen)]
    sources = (find_source(name) for name in modules if name not in covered)
    return [read_now(str(source)) for source in sources if source is not None]
