"""Places on several machines: who gets which, and what an exclusive job takes."""

from dataclasses import replace

from harness.execute.engines import Busy
from harness.execute.machine_places import MachinePlace, MachinePlaces
from harness.machine.devices import Gpu
from harness.machine.machines import Machine
from harness.plan.jobs import Job

GPU = Gpu(0, "NVIDIA H100", 2**36, "550.54")
SMALL = Machine(name="small", cpu="", cores=1, memory_bytes=0, cpu_slots=1)
LARGE = Machine(name="large", cpu="", cores=2, memory_bytes=0, cpu_slots=2, gpus=(GPU,))


def job(device: str = "cpu", exclusive: bool = False, devices: int = 1) -> Job:
    spec = {"devices": devices}
    return Job("0", "fit", "fit x", spec, (), {}, device=device, exclusive=exclusive)


def taken(place: MachinePlace | Busy) -> MachinePlace:
    assert isinstance(place, MachinePlace)
    return place


def test_jobs_go_where_most_is_free_of_where_they_may() -> None:
    places = MachinePlaces([SMALL, LARGE])
    names = [taken(places.reserve(job())).name for _ in range(3)]
    assert names[0] == "large cpu0" and sorted(names) == ["large cpu0", "large cpu1", "small cpu0"]
    assert places.reserve(job()) == Busy()
    places = MachinePlaces([SMALL, LARGE])
    assert taken(places.reserve(job(), ["small"])).machine == "small"
    assert places.reserve(job(), ["small"]) == Busy()
    assert places.reserve(job(), ["nowhere"]) == Busy()


def test_an_exclusive_job_waits_for_all_slots_of_a_machine_and_no_other_starts_beside_it() -> None:
    places = MachinePlaces([LARGE])
    first = taken(places.reserve(job()))
    assert places.reserve(job(exclusive=True)) == Busy()
    places.give_back(first)
    alone = taken(places.reserve(job(exclusive=True)))
    assert alone.name == "large alone" and places.reserve(job()) == Busy()
    assert taken(places.reserve(job("cuda", exclusive=True))).name == "large gpu0"
    assert places.reserve(job("cuda")) == Busy()
    places.give_back(alone)
    assert {taken(places.reserve(job())).numbers for _ in range(2)} == {(0,), (1,)}


def test_a_job_on_several_devices_takes_them_of_one_machine() -> None:
    places = MachinePlaces([SMALL, LARGE])
    assert places.reserve(job(devices=3)) == Busy()  # though there are three slots
    both = taken(places.reserve(job(devices=2)))
    assert both.name == "large cpu0+cpu1" and taken(places.reserve(job())).machine == "small"
    places.give_back(both)
    assert taken(places.reserve(job())).name == "large cpu0"
    assert places.reserve(job(devices=2)) == Busy()


def test_a_machine_that_goes_takes_its_places_along() -> None:
    places = MachinePlaces([SMALL, LARGE])
    lost = taken(places.reserve(job(), ["large"]))
    places.remove("large")
    assert [one.name for one in places.machines] == ["small"]
    places.give_back(lost)  # nothing is there to free
    assert places.reserve(job("cuda")) == Busy()
    taken(places.reserve(job()))
    assert places.reserve(job()) == Busy()


def test_places_of_a_thousand_machines_are_found_without_looking_at_each() -> None:
    names = [f"node{number}" for number in range(1000)]
    places = MachinePlaces([replace(LARGE, name=name) for name in names])
    asked: list[str] = []
    places._count = lambda name, job: asked.append(name) or 1  # type: ignore[method-assign, func-returns-value]
    taken_ = [taken(places.reserve(job())) for _ in range(1001)]
    assert len({place.machine for place in taken_}) == 1000
    assert len(asked) == 1001
