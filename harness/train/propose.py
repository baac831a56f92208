"""What a search tries next: hyperparameters proposed from the losses of those before, through Optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def propose(
    over: Mapping[str, Any], tried: Sequence[Mapping[str, Any]], seed: int
) -> dict[str, Any]:
    """Return a point of a space: of Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), the first ten at random.

    over: by name, a list of values, or {low, high, log}; of whole numbers where both ends are. tried: what came before, each
        with its `settings` and its `validation_loss`; None for one that diverged. seed: of this proposal; it and `tried`
        decide all.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {name: _distribution(values) for name, values in over.items()}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed % 2**32))
    for one in tried:
        loss = math.inf if one["validation_loss"] is None else one["validation_loss"]
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(one["settings"]), distributions=dict(space), value=loss
            )
        )
    return dict(study.ask(space).params)


def _distribution(values: Any) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(values, Mapping):
        return CategoricalDistribution(list(values))
    low, high, log = values["low"], values["high"], values["log"]
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)
