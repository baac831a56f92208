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
    "execute/test_interruptions.py",
    "execute/test_failing_models.py",
    "plugins/harness_attacked/test_audit_sane.py",
    "plugins/harness_attacks/test_fab.py",
    "plugins/harness_attacks/test_autoattack.py",
    "plugins/harness_attacks/test_attack_invariants.py",
    "execute/test_pytest_plugin.py",
    "plugins/harness_attacks/test_apgd_authors.py",
    "plugins/harness_attacks/test_linear_margins.py",
    "execute/test_cached.py",
    "execute/test_job_outcomes.py",
    "measure/test_memory.py",
    "execute/test_several_devices.py",
    "plugins/harness_attacks/test_square.py",
    "execute/test_bad_architectures.py",
    "execute/test_comparing_measures.py",
    "execute/test_energy_of_runs.py",
    "plugins/harness_attacks/test_nearest.py",
    "contracts/test_broken_items_are_caught.py",
    "execute/test_local_engine.py",
    "plugins/harness_attacked/test_adversarial.py",
    "plugins/harness_timed/test_speed_and_size.py",
    "execute/test_two_runs.py",
    "execute/test_files_of_models.py",
    "execute/test_paired_timing.py",
    "execute/test_installed_plugin.py",
    "execute/test_transfer_run.py",
    "plugins/harness_attacks/test_peak_memory.py",
    "catalogue/test_torchvision_import.py",
    "plugins/harness_architectures/test_libraries.py",
    "train/test_training_end_to_end.py",
    "summary/test_notebook.py",
    "cli/test_copying.py",
    "cli/test_commands.py",
    "plugins/harness_attacked/test_audit_faults.py",
    "plan/test_core_in_fingerprints.py",
    "contracts/test_check_plugin.py",
    "statistics/test_sign_flips.py",
    "summary/test_findings.py",
    "summary/test_summary.py",
    "compare/test_run_comparison.py",
    "benchmarks/test_autoattack_cost.py",
    "benchmarks/test_pgd_cost.py",
    "contracts/test_new_plugin.py",
    "cli/test_compare_command.py",
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
