"""`harness run`."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from harness.cli.options import (
    FAILED_GATE,
    NOTHING_DONE,
    gate_option,
    plugin_options,
    store_option,
    suite_options,
)

if TYPE_CHECKING:
    from harness.compare.gate import Gate
    from harness.execute.paired_timing import PairedTiming
    from harness.execute.session import Run
    from harness.store.run_data import RunData
    from harness.summary.report_data import JudgedClaim

_LEAVE_OUT = ("architectures", "datasets", "measures", "settings", "only")
"""Switches that may leave out of a run what a claim of its suite is about."""


@click.command("run")
@suite_options
@click.option(
    "--time-budget",
    metavar="TIME",
    help="Skip what does not fit, such as 30m: trial by trial; a later run does the rest.",
)
@click.option(
    "--engine",
    default="local",
    show_default=True,
    metavar="NAME[:OPTIONS]",
    help="What runs the jobs, such as ray:address=auto.",
)
@store_option
@plugin_options
@click.option("--against", metavar="RUN", help="Time again, in turns with RUN's jobs: A B A B.")
@click.option(
    "--against-python",
    metavar="PYTHON",
    help="RUN's interpreter, where it has an environment of its own.",
)
@gate_option
@click.option(
    "--fail-on-contradiction",
    is_flag=True,
    help=f"Exit with {FAILED_GATE} where the run contradicts a [[claim]] of the suite, or could not judge one "
    "though no switch left out what it is about.",
)
@click.option("--profile", is_flag=True, help="Show where the time went, as `harness times` does.")
@click.option("--open", "open_page", is_flag=True, help="Open the HTML report in a browser.")
def command(
    store: str,
    files: Any,
    blocked: Any,
    against: str | None,
    against_python: str | None,
    gates: tuple[str, ...],
    fail_on_contradiction: bool,
    profile: bool,
    open_page: bool,
    **chosen: Any,
) -> None:
    """Run a suite, or architectures on data, and report.

    SUITE is the name of one that ships (quick, throughput, data_parallel, robustness, corruptions, shift,
    cnn_families, sequence_families, language, regularisation, foundations, backpropagation,
    gradient_flow, normalisation, schedules,
    universal_approximation, optimizers, accumulation_and_precision, robust_training, transfer, data_efficiency,
    tables, games, forecasting, segmentation, detection, interpretability,
    pooling_and_invariance, vision_transformers, imagenet)
    or a .toml file.
    Without one, give -a and -d: harness run -a resnet -d ./photos

    Exit codes: 0; 1 where a job failed; 2 where it cannot be done as written; 3 for a gate or a contradiction; 5 where all
    that was asked was skipped.
    """
    conditions, other = _read_comparison(gates, against, store)  # first: a slip then costs nothing
    from harness.execute.server_start import early

    with early() if chosen["engine"] == "local" else contextlib.nullcontext():
        from harness.execute.session import run

        done = run(
            store=store,
            plugins=files,
            blocked=blocked,
            against=other,
            for_claims=fail_on_contradiction,
            **chosen,
        )
    from harness.cli.terminal import print_report  # what draws, once no job needs the memory

    print_report(done)
    page = done.write_html()
    click.echo(f"Report: {page}")
    if profile:
        from harness.cli.times_command import print_times

        click.echo()
        print_times(done.data)
    switched = any(chosen[one] for one in _LEAVE_OUT)
    failed = fail_on_contradiction and not _hold_to_claims(done.summary.claims, switched)
    if other is not None:
        from harness.cli.compared import print_paired

        compared = print_paired(done, other, against_python)
        failed = _hold_to(conditions, done, other, compared) or failed
    if open_page:
        click.launch(str(page))
    if not done.ok:
        sys.exit(1)
    if failed:
        sys.exit(FAILED_GATE)
    if done.skipped_all:
        click.echo(
            "Nothing was measured: all that was asked was skipped, for the reasons above.", err=True
        )
        sys.exit(NOTHING_DONE)


def _read_comparison(
    gates: Sequence[str], against: str | None, store: str
) -> tuple[list[Gate], RunData | None]:
    """Return the gates, and the run that is compared with."""
    if not (gates or against):
        return [], None  # what compares imports pandas, before a job could start
    from harness.compare.gate import Gate
    from harness.errors import UsageError
    from harness.store.run_data import open_run

    conditions = [Gate.read(text) for text in gates]
    if conditions and not against:
        raise UsageError("--fail-if compares with another run: say which by --against RUN")
    return conditions, open_run(against, store) if against else None


def _hold_to_claims(claims: Sequence[JudgedClaim], switched: bool) -> bool:
    """Print how many claims the run contradicts or could not judge; whether there is none.

    switched: whether a switch may have left out what the run does not have. That is not held against it, unless it is what all
    claims are about.
    """
    from harness.catalogue.counts import counted

    held = [claim for claim in claims if not (switched and claim.left_out)]
    outcomes = Counter(claim.outcome for claim in held)
    wrong = [f"{outcomes[one]} {one}" for one in ("contradicted", "not judged") if outcomes[one]]
    of, out = f"of {counted(len(claims), 'claim')}", len(claims) - len(held)
    aside = f"; {out} left out by a switch" if out else ""
    fails = bool(wrong) or not held
    click.echo(
        f"FAILS --fail-on-contradiction: {of} {', '.join(wrong) or 'none was judged'}{aside}"
        if fails
        else f"None {of} is contradicted{aside}"
    )
    return not fails


def _hold_to(
    gates: Sequence[Gate], done: Run, other: RunData, compared: Sequence[PairedTiming]
) -> bool:
    """Print what the gates say, of what was timed in turns and of the rest; whether one fails."""
    from harness.cli.compared import print_findings
    from harness.compare.gate import Timed, in_one_run_only, judge, judge_timed
    from harness.compare.run_comparison import compare_runs

    timed = [
        Timed(one.measure, f"{one.label} {one.series}".strip(), one.change, one.p_value, one.reason)
        for one in compared
    ]
    findings, rest = judge_timed(gates, timed)
    unjudged = ""
    if rest:
        comparison = compare_runs(
            other,
            done.data,
            done.host.catalogue,
            also=lambda name: any(gate.matches(name) for gate in rest),
        )
        findings += judge(rest, comparison)
        unjudged = in_one_run_only(rest, comparison)
    print_findings(findings, [gate.text for gate in gates], unjudged)
    return any(finding.fails for finding in findings)
