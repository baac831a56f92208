"""Attention rollout against attention that is computed by hand, and what it refuses."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.api import NotApplicable
from harness_explained.recording import record
from harness_explained.rollout import attention_rollout, read_rows, roll_out

CLASSES = torch.tensor([0, 2])


def images() -> torch.Tensor:
    return torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def attention_by_hand(model, inputs) -> list[torch.Tensor]:
    """Return softmax(Q K^T / sqrt(d)) of each block ``(batch, heads, tokens, tokens)``."""
    found = []

    def keep(module, given):
        packed = module.queries_keys_values(given[0])
        batch, count, _ = packed.shape
        queries, keys, _ = packed.view(batch, count, 3, module.heads, -1).permute(2, 0, 3, 1, 4)
        found.append((queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5).softmax(-1))

    for block in model.blocks:
        block.attention.register_forward_pre_hook(keep)
    with torch.no_grad():
        model(inputs)
    return found


@pytest.mark.parametrize(
    "options", [{}, {"pool": "class"}, {"pool": "class", "registers": 9}, {"registers": 2}], ids=str
)
def test_it_is_the_product_of_what_is_computed_by_hand(small_vit, options):
    first, second = (one.mean(1) for one in attention_by_hand(small_vit(**options), images()))
    eye = torch.eye(first.shape[-1])
    product = (second + eye) @ (first + eye) / 4
    read = product[:, -16:].mean(1)
    if "pool" in options:
        read = product[:, -17]
    map_ = functional.interpolate(read[:, None, -16:].view(2, 1, 4, 4), (8, 8), mode="bilinear")
    torch.testing.assert_close(
        attention_rollout(small_vit(**options), images(), CLASSES), map_[:, 0]
    )


def test_rows_sum_up_to_1_and_attention_to_oneself_changes_nothing():
    drawn = [torch.rand(2, 3, 5, 5).softmax(-1) for _ in range(4)]
    torch.testing.assert_close(roll_out(drawn).sum(2), torch.ones(2, 5))
    torch.testing.assert_close(roll_out([torch.eye(5)[None, None]] * 3), torch.eye(5)[None])


def test_what_is_read_is_found_by_its_gradient(small_vit):
    rows = read_rows(record(small_vit(pool="class", registers=2), images()), CLASSES)
    assert rows[0].nonzero().tolist() == [[2]]
    rows = read_rows(record(small_vit(), images()), CLASSES)
    torch.testing.assert_close(rows, torch.full((2, 16), 1 / 16))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "beit_base_patch16_224"]
)
def test_timms_transformers_are_read(name):
    import timm

    with torch.random.fork_rng():
        torch.manual_seed(0)
        kept = {"depth": 2} if "distilled" not in name else {}
        model = timm.create_model(name, num_classes=3, **kept).eval()
        found = attention_rollout(model, torch.rand(2, 3, 224, 224), CLASSES)
    assert found.shape == (2, 224, 224)
    assert (found > 0).all() and 0.5 / 196 < found.mean() < 1.0 / 196


@pytest.mark.slow
def test_attention_in_windows_is_refused():
    import timm

    model = timm.create_model("swin_tiny_patch4_window7_224", num_classes=3).eval()
    with pytest.raises(NotApplicable, match="among some"):
        attention_rollout(model, torch.rand(2, 3, 224, 224), CLASSES)


def test_torchs_own_attention_is_read():
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(1, 8, 2, 2)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            tokens = self.patches(inputs).flatten(2).transpose(1, 2)
            return self.head((tokens + self.attention(tokens, tokens, tokens)[0]).mean(1))

    model = Own().eval()
    with torch.no_grad():
        tokens = model.patches(images()).flatten(2).transpose(1, 2)
        _, shares = model.attention(tokens, tokens, tokens)
    expected = ((shares + torch.eye(16)) / 2).mean(1).view(2, 1, 4, 4)
    enlarged = functional.interpolate(expected, (8, 8), mode="bilinear")[:, 0]
    torch.testing.assert_close(attention_rollout(model, images(), CLASSES), enlarged)


def test_a_network_without_attention_is_refused():
    network = nn.Sequential(nn.Conv2d(1, 3, 8), nn.Flatten())
    with pytest.raises(NotApplicable, match="this network has none"):
        attention_rollout(network, images(), CLASSES)
