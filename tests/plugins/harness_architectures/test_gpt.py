"""`gpt`: its count of parameters, and what its answers depend on."""

import pytest
import torch
from pydantic import ValidationError

from harness.api import Task, UsageError
from harness_architectures.gpt import Gpt, build
from harness_architectures.sequence_options import GptOptions


def task(problem: str = "next_token", outputs: int = 11) -> Task:
    return Task(
        modality="tokens", problem=problem, input_shape=(9,), outputs=outputs, low=0, high=10
    )


def small(problem: str = "next_token", outputs: int = 11, **options):
    torch.manual_seed(0)
    given = GptOptions(**{"dim": 8, "depth": 2, "heads": 2} | options)
    return build(task(problem, outputs), (9,), outputs, given).eval()


def test_its_parameters_are_those_of_the_paper():
    d, depth, vocabulary, steps = 8, 2, 11, 9
    block = (4 * d * d + 4 * d) + (8 * d * d + 5 * d) + 4 * d  # attention, MLP of 4 d, two norms
    wanted = 2 * vocabulary * d + steps * d + depth * block + 2 * d
    assert sum(p.numel() for p in small().parameters()) == wanted


def test_an_answer_depends_on_what_comes_before_it_alone():
    model, inputs = small(), torch.randint(0, 11, (3, 9))
    others = inputs.clone()
    others[:, 5] = (others[:, 5] + 1) % 11
    with torch.no_grad():
        before, after = model(inputs), model(others)
    assert before.shape == (3, 9, 11)
    assert torch.equal(before[:, :5], after[:, :5])
    assert ((before - after).abs().amax(2)[:, 5:] > 1e-6).all()  # and on all that does


def test_of_a_whole_example_it_answers_once():
    model, inputs = small("classification", 3), torch.randint(0, 11, (3, 9))
    assert model(inputs).shape == (3, 3)


def test_at_the_start_nothing_is_likelier_than_another():
    with torch.no_grad():
        shares = small()(torch.randint(0, 11, (4, 9))).softmax(2)
    assert float((shares * 11 - 1).abs().max()) < 0.5


def test_the_heads_divide_the_width():
    with pytest.raises(ValidationError, match="heads=3 does not divide dim=8"):
        small(heads=3)


def test_gpt2_small_has_its_published_number_of_parameters():
    options = GptOptions(dim=768, depth=12, heads=12, tied=True)
    with torch.device("meta"):
        net = Gpt(50_257, 1024, 50_257, options, each_step=True)
    assert (
        sum(p.numel() for p in net.parameters()) == 124_439_808
    )  # "124M", of which the release counts the head once


def test_a_tied_head_answers_by_the_embeddings():
    net, inputs = small(tied=True), torch.randint(0, 11, (3, 9))
    assert net.head.weight is net.tokens.weight
    assert sum(p.numel() for p in small().parameters()) - 11 * 8 == sum(
        p.numel() for p in net.parameters()
    )
    assert net(inputs).shape == (3, 9, 11)
    with pytest.raises(
        UsageError,
        match="tied=true answers with one of the 11 tokens that it reads; here are 3 outputs",
    ):
        small("classification", 3, tied=True)


@pytest.mark.parametrize("positions", ["learnt", "sinusoidal", "rotary", "none"])
def test_from_a_cache_it_answers_as_in_one_pass(positions):
    net, inputs = small(positions=positions).double(), torch.randint(0, 11, (3, 9))
    with torch.no_grad():
        whole, state, found = net(inputs), None, []
        for piece in inputs.split([1, 1, 3, 2, 1, 1], 1):
            before = state
            logits, state = net.forward_from(piece, state)
            found.append(logits)
        again, _ = net.forward_from(piece, before)
    torch.testing.assert_close(torch.cat(found, 1), whole)
    torch.testing.assert_close(again, logits)  # a state stays as it is when it is gone on from
