"""`transformer`: its count of parameters, its two orders of norms, and what of the order of steps it sees."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from harness.api import Task
from harness_architectures.encoder import TransformerEncoder, build
from harness_architectures.sequence_options import TransformerOptions
from harness_architectures.transformer import TransformerBlock


def small(problem: str = "classification", *, tokens: bool = False, **options):
    shape = (9,) if tokens else (9, 3)
    task = Task(
        modality="tokens" if tokens else "sequence", problem=problem, input_shape=shape, outputs=4,
        low=0, high=10,
    )  # fmt: skip
    torch.manual_seed(0)
    given = TransformerOptions(**{"dim": 8, "depth": 2, "heads": 2} | options)
    return build(task, shape, 4, given).double().eval()


def test_its_parameters_are_those_of_the_papers_base_model():
    options = TransformerOptions(dim=512, depth=6, heads=8, norm="post", positions="sinusoidal")
    with torch.device("meta"):  # of the encoder: Vaswani et al. 2017, table 3, d_ff = 2048
        net = TransformerEncoder(nn.Identity(), 99, 2, options, each_step=False)
        theirs = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(512, 8, 2048), 6, enable_nested_tensor=False
        )
    blocks = sum(p.numel() for p in net.blocks.parameters())
    assert blocks == sum(p.numel() for p in theirs.parameters()) == 18_914_304


@pytest.mark.parametrize("post", [False, True])
def test_a_block_answers_as_torchs_own(post):
    torch.manual_seed(0)
    ours = TransformerBlock(TransformerOptions(dim=8, heads=2), post_norm=post).double().eval()
    theirs = nn.TransformerEncoderLayer(
        8, 2, 32, activation="gelu", batch_first=True, norm_first=not post
    ).double()  # fmt: skip
    names = {
        "self_attn.in_proj_": "attention.queries_keys_values.",
        "self_attn.out_proj.": "attention.output.",
        "linear1.": "mlp.0.",
        "linear2.": "mlp.2.",
    }
    state = dict(ours.state_dict())
    for name in theirs.state_dict():
        for one, other in names.items():
            if name.startswith(one):
                state[name] = state.pop(name.replace(one, other))
    theirs.load_state_dict(state)
    tokens = torch.randn(3, 5, 8).double()
    torch.testing.assert_close(ours(tokens), theirs.eval()(tokens))


@pytest.mark.parametrize("positions", ["learnt", "sinusoidal", "rotary", "none"])
@pytest.mark.parametrize("tokens", [False, True])
def test_the_order_of_steps_shows_where_there_are_positions(positions, tokens):
    net = small(positions=positions, tokens=tokens)
    inputs = torch.randint(0, 11, (2, 9)) if tokens else torch.randn(2, 9, 3).double()
    same = torch.allclose(net(inputs), net(inputs.flip(1)), atol=1e-9)
    assert same == (positions == "none")


def test_what_is_read_of_a_whole_example_and_of_each_step():
    inputs = torch.randn(2, 9, 3).double()
    each = small("sequence_labelling")(inputs)
    assert each.shape == (2, 9, 4)
    torch.testing.assert_close(small()(inputs), each.mean(1))  # the head is linear
    torch.testing.assert_close(small(pool="last")(inputs), each[:, -1])
    others = inputs.clone()
    others[:, 5] += 1
    moved = (small("sequence_labelling")(others) - each).abs().amax((0, 2))
    assert (moved > 0).all()  # every step attends to it


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValidationError, match="heads=3 does not divide dim=8"):
        small(heads=3)
    with pytest.raises(
        ValidationError, match="positions=rotary turns pairs, and dim=6 with heads=2"
    ):
        small(dim=6, positions="rotary")
