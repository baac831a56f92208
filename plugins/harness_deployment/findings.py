"""What a surely changed accuracy means: a pipeline that hurts, or a reference that is the mistaken one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.api import Finding
from harness.api.reporting import list_some
from harness_deployment.options import MISTAKES, READINGS

Change = tuple[float, float, float]


def find_surely_changed(changes: Mapping[str, Change]) -> Iterator[Finding]:
    """Yield what follows from changes of accuracy, (change, low, high) by the name of the pipeline.

    Where a mistake or another way of reading files does surely better, the model was trained so, and it is the
    reference, with all other figures, that is mistaken. That a mistake hurts is no news.
    """
    ordered = sorted(changes.items(), key=lambda one: one[1][0])
    worse = {name: change for name, change in ordered if change[2] < 0 and name not in MISTAKES}
    better = {name: change for name, change in reversed(ordered) if change[1] > 0}
    for names, words, flag, advice in (
        (
            MISTAKES,
            "With a mistake that a pipeline may make",
            "the model does better with a mistake",
            "It was trained on such inputs: see how its training read them. All other figures are of others.",
        ),
        (
            READINGS,
            "With pictures read in another way",
            "pictures are not read as they were in training",
            "See how pictures were read when the weights were trained: all other figures are measured otherwise.",
        ),
    ):
        found = {name: change for name, change in better.items() if name in names}
        if found:
            yield Finding(
                code="reference-mistaken",
                sentence=f"{words} the accuracy is surely higher: {_list(found)}.",
                advice=advice,
                numbers=_numbers(found),
                flag=flag,
            )
    if worse:
        yield Finding(
            code="deployment-drift",
            sentence=f"Deployed otherwise the accuracy is surely lower: {_list(worse)}.",
            advice="Deploy it as it was trained, or train or calibrate it for the other pipeline.",
            numbers=_numbers(worse),
        )


def _list(found: Mapping[str, Change]) -> str:
    return list_some(
        [
            f"{name} {100 * change:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
            for name, (change, low, high) in found.items()
        ]
    )


def _numbers(found: Mapping[str, Change]) -> dict[str, float]:
    return {name: change for name, (change, _, _) in found.items()}
