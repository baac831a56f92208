"""What makes figures doubtful: findings of one sort together, with what to do. No figures made."""

from __future__ import annotations

from dataclasses import dataclass

from harness.api.reporting import THE_DATA, ModelFinding, ReportData, counted, list_some

GOOD_TO_KNOW = "good to know"


@dataclass(frozen=True)
class Said:
    """A sentence, and of which models it holds."""

    who: str
    sentence: str


@dataclass(frozen=True)
class Doubt:
    """The findings of one sort on one data set; is_doubt: they make figures doubtful."""

    dataset: str
    title: str
    is_doubt: bool
    advice: str
    said: tuple[Said, ...]


def doubts(report: ReportData) -> tuple[Doubt, ...]:
    """Return the findings by data set and sort, those that make figures doubtful first."""
    together: dict[tuple[str, bool, str, str], list[ModelFinding]] = {}
    for finding in report.findings:
        key = (
            finding.dataset,
            not finding.flag,
            finding.flag or GOOD_TO_KNOW,
            finding.advice,
        )
        together.setdefault(key, []).append(finding)
    order = {name: place for place, name in enumerate(dict.fromkeys(_datasets(report)))}
    return tuple(
        Doubt(dataset, title, not harmless, advice, _said(found))
        for (dataset, harmless, title, advice), found in sorted(
            together.items(), key=lambda pair: (order[pair[0][0]], pair[0][1])
        )
    )


def summary(report: ReportData) -> str:
    """Return how many measurements looked for findings, and of how many models figures are marked, and how many are doubtful as they were
    trained, in words; "" where none looked and none were found.

    A measure may mark a figure without a finding, and one that cannot be is marked, too. What was found about a fit, or
    about data, marks no figure: that of the model as it is, on such data, is right.
    """
    if not report.audited and not report.findings:
        return ""
    flagged = [one for one in report.findings if one.flag]
    marked = {(one.dataset, one.series) for one in flagged if not one.of_fit}
    marked = {key for key in marked if key[1] != THE_DATA}
    marked |= {
        (row.dataset, row.series)
        for row in report.rows
        if not row.floor and any(figure.doubtful for figure in row.figures.values())
    }
    trained = {(one.dataset, one.series) for one in flagged if one.of_fit}
    of_data = sorted({one.dataset for one in flagged if one.series == THE_DATA})
    said = [f"figures of {counted(len(marked), 'model')} are marked"] if marked else []
    models = counted(len(trained), "model is", "models are")
    said += [f"{models} doubtful as trained"] if trained else []
    said += [f"all figures on {', '.join(of_data)} are doubtful"] if of_data else []
    # Not doubtful: a model that is no better than a floor has a figure that is right.
    found = ", and ".join(said) or "nothing was found that makes figures doubtful"
    if not report.audited:
        return f"{found[0].upper()}{found[1:]}."
    jobs = counted(report.audited, "measurement was", "measurements were")
    return f"{jobs} audited; {found}."


def _said(found: list[ModelFinding]) -> tuple[Said, ...]:
    same: dict[str, list[str]] = {}
    for finding in found:
        same.setdefault(finding.sentence, []).append(_who(finding))
    return tuple(Said(list_some(names), sentence) for sentence, names in same.items())


def _who(finding: ModelFinding) -> str:
    """Return "vit", with the seeds where there were several; sentences name attack and ball themselves."""
    if finding.looked == 1 or not finding.seeds:
        return finding.series
    count = len(finding.seeds)
    figures = "figures of " if count > 1 else ""
    return f"{finding.series} ({count} of {finding.looked} seeds, {figures}#{finding.seeds[0]})"


def _datasets(report: ReportData) -> list[str]:
    return [info.name for info in report.datasets] + [one.dataset for one in report.findings]
