"""`harness compare`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import rich_click as click

from harness.cli.options import (
    FAILED_GATE,
    gate_option,
    json_option,
    plugin_options,
    print_json,
    store_option,
)


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option("--all", "everything", is_flag=True, help="Every metric, not only the main table's.")
@gate_option
@json_option
@store_option
@plugin_options
def command(
    a: str,
    b: str,
    everything: bool,
    gates: tuple[str, ...],
    as_json: bool,
    store: str,
    files: Any,
    blocked: Any,
) -> None:
    """Say for each figure that two runs share whether B is better, worse or not distinguishable.

    A and B: a run's name or number in the store, a store's FOLDER (its latest run), FOLDER:RUN, or FOLDER/RUN.
    Where the runs differ in an axis as a whole (one architecture each, or one device), that is what is
    compared.
    """
    from harness.cli.compared import print_comparison, print_findings
    from harness.cli.options import open_host
    from harness.compare.gate import Gate, in_one_run_only, judge
    from harness.compare.run_comparison import compare_runs
    from harness.store.run_data import open_run

    conditions = [Gate.read(text) for text in gates]
    first, second = open_run(a, store), open_run(b, store)
    comparison = compare_runs(
        first,
        second,
        open_host(files, blocked).catalogue,
        also=lambda name: everything or any(gate.matches(name) for gate in conditions),
    )
    findings = judge(conditions, comparison)
    if as_json:
        pairs = [{**dataclasses.asdict(pair), "verdict": pair.verdict} for pair in comparison.pairs]
        found = [dataclasses.asdict(finding) for finding in findings]
        print_json({**dataclasses.asdict(comparison), "pairs": pairs, "gates": found})
    else:
        print_comparison(comparison)
        print_findings(findings, gates, in_one_run_only(conditions, comparison))
    if any(finding.fails for finding in findings):
        sys.exit(FAILED_GATE)
