"""Long files first: else pytest-xdist, which takes files with many tests first, ends with one worker at a
long file of few tests while the others have nothing left to do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# By seconds of CPU, in the tier where they take more. Others take little, and come as they are collected.
LONGEST = (
    "contracts/test_built_in_items_keep_contracts.py",
    "plugins/harness_attacks/test_autoattack.py",
    "plugins/harness_attacks/test_fab.py",
    "execute/test_failing_models.py",
    "execute/test_interruptions.py",
    "plugins/harness_attacks/test_attack_invariants.py",
    "plugins/harness_attacks/test_apgd_authors.py",
    "plugins/harness_attacked/test_audit_sane.py",
    "execute/test_comparing_measures.py",
    "execute/test_transfer_run.py",
    "contracts/test_broken_items_are_caught.py",
    "execute/test_energy_of_runs.py",
    "execute/test_pytest_plugin.py",
    "plugins/harness_attacks/test_nearest.py",
    "plugins/harness_attacks/test_square.py",
    "plugins/harness_attacks/test_linear_margins.py",
    "plugins/harness_architectures/test_libraries.py",
    "execute/test_bad_architectures.py",
    "plugins/harness_timed/test_speed_and_size.py",
    "train/test_training_end_to_end.py",
    "summary/test_notebook.py",
    "benchmarks/test_autoattack_cost.py",
    "execute/test_local_engine.py",
    "execute/test_job_outcomes.py",
    "cli/test_compare_command.py",
    "execute/test_installed_plugin.py",
    "execute/test_two_runs.py",
)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist, where it is installed, take files in the order of the tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first; the order inside a file stays."""
    place = {TESTS / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
