"""Early stopping keeps the weights of the best epoch."""

import torch
from torch import nn
from train_cases import adamw, sgd, small_net, split, table_split, training

from harness.train.fit import fit


class Scripted(nn.Module):
    """A model whose weight is set by the objective: the validation loss follows a script."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(()))
        self.restored = {}

    def get_extra_state(self):
        return {"level": self.level.item()}

    def set_extra_state(self, state):
        self.restored = state

    def forward(self, inputs):
        return inputs.flatten(1).sum(1, keepdim=True) * 0 + self.level


def scripted_fit(levels, patience, epochs=None):
    """Validation targets are 0, so that the loss of an epoch is the level's square."""
    model = Scripted()
    epoch = iter(levels)

    def objective(model, inputs, targets, draws):
        with torch.no_grad():
            model.level.fill_(next(epoch))
        return model(inputs).sum() * 0, None

    validation = table_split(10)
    validation.targets.zero_()
    found = fit(
        model,
        training(
            objective=objective,
            make_optimizer=sgd(),
            epochs=epochs or len(levels),
            batch_size=100,
            patience=patience,
        ),
        table_split(),
        validation,
    )
    return model, found


def test_early_stopping_keeps_the_best_and_stops_after_its_patience():
    model, found = scripted_fit([5.0, 3.0, 4.0, 3.5, 1.0, 1.0], patience=2)
    assert [row["validation_loss"] for row in found.curves] == [25.0, 9.0, 16.0, 12.25]
    assert found.best_epoch == 2 and model.level.item() == 3.0
    assert model.restored == {"level": 3.0}


def test_a_better_epoch_renews_the_patience():
    model, found = scripted_fit([5.0, 6.0, 4.0, 6.0, 2.0], patience=2)
    assert len(found.curves) == 5 and found.best_epoch == 5 and model.level.item() == 2.0


def test_without_patience_the_last_weights_stay():
    model, found = scripted_fit([5.0, 1.0, 4.0], patience=None)
    assert len(found.curves) == 3 and found.best_epoch == 3 and model.level.item() == 4.0


def test_batch_norm_statistics_go_back_to_the_best_epoch_too():
    net = small_net()
    states = []

    def remember(line):
        states.append({k: v.clone() for k, v in net.state_dict().items()})

    found = fit(
        net,
        training(epochs=12, patience=3, make_optimizer=adamw(0.2)),
        split(60),
        split(40, seed=1),
        remember,
    )
    best = states[found.best_epoch - 1]
    assert all(torch.equal(value, best[name]) for name, value in net.state_dict().items())
    losses = [row["validation_loss"] for row in found.curves]
    assert losses[found.best_epoch - 1] == min(losses)
