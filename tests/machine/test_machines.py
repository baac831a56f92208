"""Machines: what they have, and which kind of them figures are timed on."""

import json
from dataclasses import replace

from harness.machine.devices import Gpu, cpu_count, cpu_model
from harness.machine.machines import Machine, places_of, this_machine, timed_kind

H100 = Gpu(0, "NVIDIA H100", 2**36, "550.54", "GPU-1")
EPYC = Machine(name="a", cpu="EPYC", cores=8, memory_bytes=2**34, cpu_slots=4)
XEON = Machine(name="b", cpu="Xeon", cores=16, memory_bytes=2**35, cpu_slots=8, gpus=(H100,))


def test_this_machine_gives_its_cores_as_slots() -> None:
    assert this_machine().hardware("cpu") == {"cpu": cpu_model(), "cores": cpu_count()}
    assert this_machine(threads=cpu_count()).cpu_slots == 1
    assert this_machine(threads=2 * cpu_count()).cpu_slots == 1
    assert this_machine(cpu_slots=7, threads=3).cpu_slots == 7


def test_a_machine_crosses_to_another_process_as_json() -> None:
    for machine in (EPYC, XEON):
        assert Machine.from_json(json.loads(json.dumps(machine.to_json()))) == machine


def test_places_of_all_machines() -> None:
    assert places_of([EPYC, XEON, replace(XEON, name="c", gpus=(H100, H100))]) == {
        "cpu": 4 + 8 + 8,
        "cuda": 3,
    }
    assert places_of([]) == {"cpu": 0, "cuda": 0}


def test_figures_are_timed_on_the_kind_that_most_machines_are() -> None:
    assert timed_kind([EPYC, XEON], "cpu") == EPYC
    assert timed_kind([EPYC, XEON, replace(XEON, name="c")], "cpu") == XEON
    assert timed_kind([EPYC, EPYC, XEON], "cuda") == XEON  # no other has a GPU
    assert timed_kind([EPYC], "cuda").hardware("cuda") == {"gpu": "unknown", "driver": "unknown"}
