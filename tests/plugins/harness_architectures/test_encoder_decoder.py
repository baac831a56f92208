"""`encoder-decoder`: its count of parameters, torch's own on the same weights, and decoding with a cache."""

import pytest
import torch
from torch import nn

from harness.api import NotApplicable, Task
from harness_architectures.encoder_decoder import EncoderDecoder, build
from harness_architectures.sequence_options import EncoderDecoderOptions

SOURCE, STEPS, VOCABULARY = 5, 12, 11


def small(**options) -> EncoderDecoder:
    torch.manual_seed(0)
    given = EncoderDecoderOptions(**{"dim": 8, "depth": 2, "heads": 2} | options)
    return EncoderDecoder(VOCABULARY, STEPS, SOURCE, given).eval()


def inputs(count: int = 3) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (count, STEPS), generator=torch.Generator().manual_seed(1))


def test_the_base_model_has_its_published_number_of_parameters():
    options = EncoderDecoderOptions(
        dim=512, depth=6, heads=8, norm="post", activation="relu", positions="sinusoidal"
    )
    with torch.device("meta"):
        net = EncoderDecoder(37_000, 200, 100, options)
        theirs = nn.Transformer(512, 8, 6, 6, 2048, batch_first=True)
    found = sum(p.numel() for p in net.parameters())
    embeddings, last_norms = 37_000 * 512, 2 * 2 * 512  # one matrix; of torch's the paper has none
    assert found - embeddings == sum(p.numel() for p in theirs.parameters()) - last_norms
    # 63.1 M, counted once for the two embeddings and the head; table 3 says 65 M of "about 37000 tokens".
    assert found == 63_082_496 == pytest.approx(65e6, rel=0.03)


def copied(theirs: nn.Module, ours: nn.Module, pairs: dict[str, str]) -> None:
    given = ours.state_dict()
    theirs.load_state_dict({name: given[of] for name, of in pairs.items()})


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_with_the_same_weights_torch_answers_the_same(norm, activation):
    net, given = small(norm=norm, activation=activation, positions="none"), inputs()
    like = {"batch_first": True, "activation": activation, "norm_first": norm == "pre"}
    memory, states = (net.tokens(part) * 8**0.5 for part in (given[:, :SOURCE], given[:, SOURCE:]))
    for block in list(net.encoder)[:2]:
        layer = nn.TransformerEncoderLayer(8, 2, 32, 0.0, **like)
        pairs = {f"{mine}.{kind}": f"{of}.{kind}" for mine, of in {
            "self_attn.out_proj": "attention.output", "linear1": "mlp.0", "linear2": "mlp.2",
            "norm1": "norm1", "norm2": "norm2"}.items() for kind in ("weight", "bias")}  # fmt: skip
        for kind in ("weight", "bias"):
            pairs[f"self_attn.in_proj_{kind}"] = f"attention.queries_keys_values.{kind}"
        copied(layer, block, pairs)
        memory = layer(memory)
    memory = net.encoder[2](memory)
    ahead = nn.Transformer.generate_square_subsequent_mask(STEPS - SOURCE)
    for block in net.decoder:
        layer = nn.TransformerDecoderLayer(8, 2, 32, 0.0, **like)
        with torch.no_grad():
            for mine, of in (
                (layer.self_attn.out_proj, block.attention.output),
                (layer.multihead_attn.out_proj, block.memory_attention.output),
                (layer.linear1, block.mlp[0]),
                (layer.linear2, block.mlp[2]),
                (layer.norm1, block.norms[0]),
                (layer.norm2, block.norms[1]),
                (layer.norm3, block.norms[2]),
            ):
                mine.load_state_dict(of.state_dict())
            packed, cross = block.attention.queries_keys_values, block.memory_attention
            layer.self_attn.in_proj_weight.copy_(packed.weight)
            layer.self_attn.in_proj_bias.copy_(packed.bias)
            both = (cross.queries, cross.keys_values)
            layer.multihead_attn.in_proj_weight.copy_(torch.cat([one.weight for one in both]))
            layer.multihead_attn.in_proj_bias.copy_(torch.cat([one.bias for one in both]))
        states = layer(states, memory, tgt_mask=ahead, tgt_is_causal=True)
    wanted = net.norm(states) @ net.tokens.weight.T
    torch.testing.assert_close(net(given)[:, SOURCE:], wanted, rtol=1e-4, atol=1e-5)


def test_a_step_sees_the_whole_source_and_the_target_up_to_it():
    net, given = small(), inputs()
    with torch.no_grad():
        answers = net(given)
        for changed in range(STEPS):
            others = given.clone()
            others[:, changed] = (others[:, changed] + 1) % VOCABULARY
            moved = (net(others) - answers).abs().amax(2) > 1e-6
            first = max(changed, SOURCE)
            assert not moved[:, :first].any() and moved[:, first:].all()
    assert not answers[:, :SOURCE].any()


@pytest.mark.parametrize("positions", ["learnt", "sinusoidal", "rotary", "none"])
def test_from_a_cache_it_answers_as_in_one_pass(positions):
    net, given = small(positions=positions).double(), inputs()
    reads = []
    net.encoder.register_forward_hook(lambda _, read, __: reads.append(read[0].shape[1]))
    with torch.no_grad():
        whole = net(given)
        for sizes in ([5, 1, 1, 1, 4], [6, 6], [1, 3, 4, 2, 2]):
            state, found, reads[:] = None, [], []
            for piece in given.split(sizes, 1):
                before = state
                logits, state = net.forward_from(piece, state)
                found.append(logits)
            again, _ = net.forward_from(piece, before)
            torch.testing.assert_close(torch.cat(found, 1), whole)
            torch.testing.assert_close(again, logits)  # a state stays as it is
            assert reads == [SOURCE]  # once, when all of it was there


def greedy(net: nn.Module, source: torch.Tensor, count: int) -> torch.Tensor:
    """Write by whole passes over what is there."""
    tokens = source
    for _ in range(count):
        tokens = torch.cat([tokens, net(tokens)[:, -1:].argmax(2)], 1)
    return tokens[:, source.shape[1] :]


def greedy_cached(net: nn.Module, source: torch.Tensor, count: int) -> torch.Tensor:
    """Write by passes over the last token alone."""
    token, state, written = source, None, []
    for _ in range(count):
        logits, state = net.forward_from(token, state)
        token = logits[:, -1:].argmax(2)
        written.append(token)
    return torch.cat(written, 1)


def test_greedy_decoding_with_a_cache_writes_the_same_token_for_token():
    net, source = small(dim=32), inputs(20)[:, : SOURCE + 1]
    for weights in net.decoder.parameters():  # at the start tokens are followed by themselves
        nn.init.normal_(weights, std=0.5)
    with torch.no_grad():
        written = greedy(net, source, STEPS - SOURCE)
        assert torch.equal(greedy_cached(net, source, STEPS - SOURCE), written)
    assert len(written.unique()) > 3 and len(written.unique(dim=0)) > 3


def test_without_a_source_it_does_not_apply():
    task = Task(
        modality="tokens", problem="next_token", input_shape=(STEPS,), outputs=11, low=0, high=10
    )
    with pytest.raises(NotApplicable, match="data for next_token have no source"):
        build(task, (STEPS,), 11, EncoderDecoderOptions())


@pytest.mark.slow
def test_it_learns_dates_and_the_exact_match_is_what_greedy_decoding_writes():
    from harness_datasets.built_in_options import WrittenDatesOptions
    from harness_datasets.written_dates import load
    from harness_problems import sequence_labelling, sequence_to_sequence

    torch.manual_seed(0)
    data = load(WrittenDatesOptions(first=2000, last=2019, examples=2600))
    given, wanted = torch.tensor(data.inputs).long(), torch.tensor(data.targets)
    source, vocabulary = data.details["source_steps"], int(data.high or 0) + 1
    net = EncoderDecoder(vocabulary, given.shape[1], source, EncoderDecoderOptions())
    steps = 400
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
    for _ in range(steps):
        rows = torch.randint(0, 2400, (32,))
        loss = sequence_labelling.loss(net(given[rows]), wanted[rows]) / 32
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    net.eval()
    test, asked = given[2400:], wanted[2400:, source:]
    with torch.no_grad():
        tallies = sequence_labelling.tally(net(test), wanted[2400:]).numpy()
        written = greedy_cached(net, test[:, : source + 1], asked.shape[1])
        assert torch.equal(greedy(net, test[:, : source + 1], asked.shape[1]), written)
    right = (written == asked).all(1).double()
    exact = sequence_to_sequence.exact_match(tallies, torch.ones(1, 200).numpy())
    assert float(exact[0]) == pytest.approx(float(right.mean()))
    assert 0.5 < float(right.mean())
