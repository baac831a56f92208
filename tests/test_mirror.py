"""The tests lie where the code lies, and what tests a module is found by the module's name."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from longest_first import LONGEST

TESTS = Path(__file__).parent
ROOT = TESTS.parent
APART = {"benchmarks", "evidence"}  # of several wings at once
PLACES = {"plugins": "plugins", "reports/harness_reports": "reports", "harness": ""}

# Tested through what uses it, by tests that bear another name: {module or pattern: test}.
TESTED_BY = {
    "harness.api.layers": "data/test_model_in_data_space.py",
    "harness.catalogue.chosen": "plan/test_labels.py",
    "harness.catalogue.import_effects": "catalogue/test_reach.py",
    "harness.catalogue.item": "catalogue/test_kinds.py",
    "harness.catalogue.item_words": "catalogue/test_kinds.py",
    "harness.catalogue.roots": "catalogue/test_reach.py",
    "harness.catalogue.run_kinds": "catalogue/test_kinds.py",
    "harness.catalogue.size_names": "data/test_own_sizes.py",
    "harness.catalogue.syntax_calls": "catalogue/test_reach.py",
    "harness.cli.compared": "cli/test_compare_command.py",
    "harness.cli.*": "cli/test_commands.py",
    "harness.compare.*": "compare/test_run_comparison.py",
    "harness.contracts.*": "contracts/test_broken_items_are_caught.py",
    "harness.data.column_labels": "plugins/harness_datasets/tables/test_parts.py",
    "harness.data.contents": "data/test_prepare.py",
    "harness.data.description": "data/test_notes.py",
    "harness.data.input_statistics": "data/test_prepare.py",
    "harness.data.json_file": "data/test_prepare.py",
    "harness.data.other_data": "data/test_other.py",
    "harness.data.outline": "data/test_other.py",
    "harness.execute.debug": "execute/test_job_outcomes.py",
    "harness.execute.fitted_model": "execute/test_job_outcomes.py",
    "harness.execute.forecast": "cli/test_commands.py",
    "harness.execute.interrupts": "execute/test_interruptions.py",
    "harness.execute.job_device": "execute/test_job_outcomes.py",
    "harness.execute.measure_job": "execute/test_job_outcomes.py",
    "harness.execute.obstacles": "execute/test_job_outcomes.py",
    "harness.execute.copies": "execute/test_together.py",
    "harness.execute.engine_start": "execute/test_run.py",
    "harness.train.tally": "train/test_fit.py",
    "harness.train.batch_gradient": "train/test_fit.py",
    "harness_problems.class_words": "plugins/harness_problems/test_segmentation.py",
    "harness_training.flow_findings": "plugins/harness_training/test_gradient_flow.py",
    "harness_training.shown": "summary/test_summary.py",
    "harness_training.tried_steps": "plugins/harness_training/test_optimizers.py",
    "harness_training.t*_optim": "plugins/harness_training/test_optimizers.py",
    "harness_training.blocks": "plugins/harness_training/test_layer_decay.py",
    "harness_training.measures.options": "plugins/harness_training/measures/test_time_to_target.py",
    "harness_training.measures.shown": "plugins/harness_training/measures/test_time_to_target.py",
    "harness_training.warm_up": "plugins/harness_training/test_schedules.py",
    "harness_training.averaged": "plugins/harness_training/test_averaging.py",
    "harness_training.ema": "plugins/harness_training/test_averaging.py",
    "harness_training.swa": "plugins/harness_training/test_averaging.py",
    "harness_training.running_statistics": "plugins/harness_training/test_averaging.py",
    "harness.execute.probe_job": "contracts/test_broken_items_are_caught.py",
    "harness.execute.run_loop": "execute/test_run.py",
    "harness.execute.run_record": "execute/test_run.py",
    "harness.execute.running": "execute/test_run.py",
    "harness.execute.words": "execute/test_progress.py",
    "harness.measure.corrupted_copies": "plugins/harness_quality/test_shift.py",
    "harness.measure.flop_formulas": "measure/test_flops.py",
    "harness.measure.execution": "plugins/harness_timed/test_speed_and_size.py",
    "harness.measure.no_model": "execute/test_comparing_measures.py",
    "harness.measure.onnx_session": "plugins/harness_timed/test_speed_and_size.py",
    "harness.measure.owners": "measure/test_flops.py",
    "harness.measure.slopes": "measure/test_gradient_check.py",
    "harness.plan.axes": "plan/test_plan_jobs.py",
    "harness.plan.cell": "plan/test_plan_jobs.py",
    "harness.plan.content": "plan/test_fingerprints.py",
    "harness.plan.context": "plan/test_plan_jobs.py",
    "harness.plan.default_length": "train/test_length.py",
    "harness.plan.checker": "plan/test_suite_errors.py",
    "harness.plan.trainings": "plan/test_fingerprints.py",
    "harness.plan.planned_fit": "plan/test_plan_comparing_measures.py",
    "harness.plan.recipes": "plan/test_suite_reading.py",
    "harness.plan.references": "plan/test_names.py",
    "harness.plan.sentences": "plan/test_suite_errors.py",
    "harness.pytest_plugin.*": "execute/test_pytest_plugin.py",
    "harness.store.*": "store/test_store.py",
    "harness.summary.cells": "summary/test_summary.py",
    "harness.summary.dataset_info": "summary/test_summary.py",
    "harness.summary.example_scores": "summary/test_summary.py",
    "harness.summary.filled_columns": "summary/test_summary.py",
    "harness.summary.shown_columns": "summary/test_summary.py",
    "harness.summary.chart_*": "summary/test_charts.py",
    "harness.train.precision": "train/test_fit.py",
    "harness_attacked.audit_model": "plugins/harness_attacked/test_audit_faults.py",
    "harness_attacked.check_inside": "plugins/harness_attacked/test_adversarial.py",
    "harness_attacked.gradient_findings": "plugins/harness_attacked/test_gradient_look.py",
    "harness_attacked.shown": "summary/test_summary.py",
    "harness_attacks.decisions": "plugins/harness_attacks/test_hopskipjump.py",
    "harness_attacks.square_*": "plugins/harness_attacks/test_square.py",
    "harness_attacks.start": "plugins/harness_attacks/test_gradient_steps.py",
    "harness_datasets.published.imagenet_words": "plugins/harness_datasets/published/test_image_tree.py",
    "harness_datasets.published.npy_images": "plugins/harness_datasets/published/test_cifar.py",
    "harness_datasets.published.items": "plugins/harness_datasets/published/test_cifar.py",
    "harness_datasets.stdlib_files": "plugins/harness_datasets/test_stdlib_source.py",
    "harness_datasets.tables.doubts": "plugins/harness_datasets/test_table.py",
    "harness_datasets.tables.findings": "plugins/harness_datasets/test_table.py",
    "harness_certified.network": "plugins/harness_certified/test_interval.py",
    "harness_certified.proofs": "plugins/harness_certified/test_certified.py",
    "harness_certified.shown": "summary/test_summary.py",
    "harness_deployment.pipelines": "plugins/harness_deployment/test_deployment.py",
    "harness_deployment.shown": "summary/test_summary.py",
    "harness_architectures.image_items": "plugins/harness_architectures/test_registration.py",
    "harness_architectures.transformer": "plugins/harness_architectures/test_gpt.py",
    "harness_quality.grades": "plugins/harness_quality/test_graded_floors.py",
    "harness_quality.answer_gallery": "plugins/harness_quality/test_grades.py",
    "harness_quality.pixel_floor": "plugins/harness_quality/test_grades.py",
    "harness_quality.looks_ahead": "plugins/harness_quality/test_graded_floors.py",
    "harness_training.problem_loss": "plugins/harness_training/test_objectives.py",
    "harness_quality.reference": "plugins/harness_quality/test_mce.py",
    "harness_quality.part_accuracy": "plugins/harness_quality/test_by_group.py",
    "harness_quality.evaluate": "plugins/harness_quality/test_accuracy.py",
    "harness_quality.shown*": "summary/test_summary.py",
    "harness_shifts.*": "plugins/harness_shifts/test_published.py",
    "harness_timed.backends": "plugins/harness_timed/test_speed_and_size.py",
    "harness_timed.throughput": "plugins/harness_timed/test_speed_and_size.py",
    "harness_timed.energy": "execute/test_energy_of_runs.py",
    "harness_timed.flops": "plugins/harness_timed/test_speed_and_size.py",
    "harness_timed.inputs": "plugins/harness_timed/test_speed_and_size.py",
    "harness_timed.shown": "summary/test_summary.py",
    "harness_timed.timed": "plugins/harness_timed/test_latency.py",
    "harness_explained.*": "plugins/harness_explained/test_interpretability.py",
    "harness_uncertainty.*": "plugins/harness_uncertainty/test_uncertainty.py",
    "harness_ray.*": "plugins/harness_ray/test_ray_runs.py",
    "harness_slurm.*": "plugins/harness_slurm/test_engine.py",
    "harness_reports.chart_tables": "reports/test_strangers_charts.py",
    "harness_reports.curve": "reports/test_strangers_charts.py",
    "harness_reports.gallery_charts": "reports/test_report_galleries.py",
}


def modules() -> dict[str, Path]:
    """Return {dotted name: the folder of its tests}."""
    found = {}
    for place, folder in PLACES.items():
        for path in (ROOT / place).rglob("*.py"):
            if path.name == "__init__.py":
                continue
            inner = path.relative_to(ROOT / place)
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = (
                parts if place == "harness" else parts[1:]
            )  # plugins and reports are no packages
            found[".".join(parts)] = TESTS / folder / inner.parent
    return found


@cache
def named_in_tests() -> set[str]:
    """Return the dotted names that the tests import or write out, but for this one."""
    found = set()
    for path in TESTS.rglob("*.py"):
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\bharness[\w.]*\w", text))
        for package, names in re.findall(r"from (harness[\w.]*) import (\([^)]*\)|[^\n]*)", text):
            found |= {f"{package}.{name}" for name in re.findall(r"\w+", names)}
    return found


def is_found(name: str, folder: Path) -> bool:
    """Whether a test has the module's name, or imports it by name."""
    stem = name.rpartition(".")[2]
    files = [*folder.glob(f"test_{stem}.py"), *folder.glob(f"test_{stem}_*.py")]
    return bool(files) or name in named_in_tests()


def test_each_module_has_a_test_that_is_found_by_its_name() -> None:
    lost = [
        f"{name}: call its test test_{name.rpartition('.')[2]}.py in {folder.relative_to(ROOT)}, import it "
        "in a test, or say in TESTED_BY which test it is"
        for name, folder in modules().items()
        if not is_found(name, folder) and not any(fnmatch(name, pattern) for pattern in TESTED_BY)
    ]
    assert lost == []


def test_the_table_names_modules_and_tests_that_exist() -> None:
    known = modules()
    for pattern, test in TESTED_BY.items():
        assert (TESTS / test).is_file(), test
        assert any(fnmatch(name, pattern) for name in known), pattern


def test_folders_of_tests_mirror_those_of_the_code() -> None:
    code = {folder.relative_to(TESTS) for folder in modules().values()} | {Path("plugins")}
    code |= {Path("pytest_plugin"), Path("api")}
    ours = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert {str(folder) for folder in ours - code} - {".", *APART} == set()


def test_the_long_files_exist() -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []
