"""The losses of auxiliary heads in training."""

from collections import namedtuple

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from train_cases import CLASSES, split

from harness.data.draws import Draws
from harness.data.model import DataSpaceModel
from harness.data.outputs import auxiliary_outputs
from harness.errors import PluginError
from harness.train.auxiliary import with_auxiliary
from harness_training import mixup
from harness_training.options import MixupOptions

Outputs = namedtuple("Outputs", "logits aux2 aux1 features")


class Heads(nn.Module):
    """Returns two auxiliary outputs in training, and features that are none."""

    def __init__(self):
        super().__init__()
        self.main, self.first, self.second = (nn.Linear(36, CLASSES) for _ in range(3))

    def forward(self, inputs):
        flat = inputs.flatten(1)
        outputs = Outputs(self.main(flat), self.second(flat), self.first(flat), flat)
        return outputs if self.training else outputs.logits


def plain(model, inputs, targets, draws):
    logits = model(inputs)
    return cross_entropy(logits, targets), logits


def twice(model, inputs, targets, draws):
    return cross_entropy(model(inputs) + model(inputs), targets), None


@pytest.fixture
def case():
    torch.manual_seed(0)
    model = DataSpaceModel([], Heads(), nn.Identity())
    [(inputs, targets, ids)] = list(split(12).batches(12))
    return model, inputs, targets, Draws(1, ids)


def test_each_output_adds_its_share(case):
    model, inputs, targets, draws = case
    assert with_auxiliary(plain, model) is plain
    model.auxiliary = 0.3
    loss, logits = with_auxiliary(plain, model)(model, inputs, targets, draws)
    main, *others, features = model.net(inputs)
    wanted = cross_entropy(main, targets) + 0.3 * sum(cross_entropy(o, targets) for o in others)
    torch.testing.assert_close(loss, wanted)
    assert torch.equal(logits, main) and len(auxiliary_outputs((main, *others, features))) == 2
    loss.backward()
    gradient = model.net.first.weight.grad
    model.zero_grad()
    (0.3 * cross_entropy(model.net.first(inputs.flatten(1)), targets)).backward()
    torch.testing.assert_close(gradient, model.net.first.weight.grad)


def test_targets_that_an_objective_blends_are_blended_for_all(case):
    model, inputs, targets, draws = case
    objective = mixup.build(MixupOptions(alpha=1.0))
    main, _ = objective(model, inputs, targets, draws)
    model.auxiliary = 0.5
    model.net.first = model.net.second = model.net.main  # then every output's loss is the main one
    loss, _ = with_auxiliary(objective, model)(model, inputs, targets, draws)
    torch.testing.assert_close(loss, 2 * main)


def test_what_has_no_such_loss_is_refused(case):
    model, inputs, targets, draws = case
    model.auxiliary = 0.3
    with pytest.raises(PluginError, match="this one ran it 2 times"):
        with_auxiliary(twice, model)(model, inputs, targets, draws)
    with pytest.raises(PluginError, match="Heads returns nothing in training beside its logits"):
        with_auxiliary(plain, model)(model.eval(), inputs, targets, draws)
