"""What a store of format 1 leaves unsaid: which arrays stand behind its metrics.

The measures of that time numbered their arrays by the order of their metrics; later formats keep the
names (`Metric.examples`, `Metric.samples`). Frozen with the format: nothing new belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Said = tuple[str, Mapping[str, Any]]  # a metric's name and where it holds
Arrays = tuple[tuple[str, ...], str]  # its examples and its samples
_TIMED = ("throughput", "training_throughput", "latency")


def name_arrays(measure: str | None, metrics: Sequence[Said]) -> list[Arrays]:
    """Return the arrays behind each metric of one outcome, given in the order of its record."""
    base = (measure or "").partition(":")[0]
    targets: list[Any] = []
    epsilons: list[Any] = []
    for name, where in metrics:
        if name == "clean_accuracy" and "target" in where:
            targets.append(_model(where, "target"))
        if name in ("robust_accuracy", "transfer_accuracy"):
            epsilons.append(where.get("epsilon"))
    epsilons = list(dict.fromkeys(epsilons))
    corrupted = tuple(
        _corrupted("correct", where) for name, where in metrics if name == "shifted_accuracy"
    )

    def examples(name: str, where: Mapping[str, Any]) -> tuple[str, ...]:
        match base, name:
            case "accuracy", "accuracy":
                return ("correct",)
            case "accuracy", "r2":
                return ("error",)
            case "adversarial", "clean_accuracy":
                return ("clean_correct",)
            case "adversarial", "robust_accuracy" if where.get("attack") == "worst case":
                return (f"robust_{epsilons.index(where['epsilon'])}",)
            case "shift", "shifted_accuracy":
                return (_corrupted("correct", where),)
            case "shift", "mean_shifted_accuracy":
                return corrupted
            case "transfer", "clean_accuracy":
                return (f"correct_{targets.index(_model(where, 'target'))}",)
            case "transfer", "transfer_accuracy":
                pair = (targets.index(_model(where, role)) for role in ("source", "target"))
                ball = epsilons.index(where["epsilon"])
                return ("_".join(map(str, ("stands", ball, *pair))),)
        return ()

    def samples(where: Mapping[str, Any]) -> str:
        timed = base in _TIMED and "batch_size" in where
        return f"batch_{where['batch_size']}" if timed else ""

    return [(examples(name, where), samples(where)) for name, where in metrics]


def _model(where: Mapping[str, Any], role: str) -> tuple[Any, Any]:
    return where[role], where.get(f"{role}_recipe")


def _corrupted(kept: str, where: Mapping[str, Any]) -> str:
    return f"{kept}_{where['shift']}_{where['severity']}"
