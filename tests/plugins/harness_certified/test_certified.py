"""The measure: shares proved, attacked beside, and a certificate that is planted wrong is named."""

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import image_examples, image_task, measure, named, one
from torch import nn

from harness.api import NotApplicable
from harness.catalogue.finding import read_findings
from harness_certified import proofs
from harness_certified.certified import check
from harness_certified.options import CertifiedOptions

FEW = {"votes": 100, "first_votes": 20, "examples": 30, "attack": ("sign",)}


def test_what_is_proved_is_no_more_than_what_attacks_leave(images, tmp_path):
    found = measure(images("certified", linf=("1/255", 0.05), **FEW), "certified")
    for metric in named(found, "certified_accuracy", method="interval"):
        radius = metric.where["epsilon"]
        attacked = one(found, "attacked_accuracy", norm="linf", epsilon=radius)
        assert metric.n == 30 and metric.value <= attacked.value
    small, large = named(found, "certified_accuracy", method="interval")
    assert 0 < small.value and large.value <= small.value
    assert one(found, "lipschitz").value > 0
    assert read_findings(tmp_path) == ()
    kept = np.load(tmp_path / "examples.npz")
    assert kept["ids"].tolist() == image_examples().ids[:30].tolist()
    assert kept["certified_interval_0"].mean() == pytest.approx(small.value)


def test_a_proof_that_an_attack_beats_is_named(images, tmp_path, monkeypatch):
    """Bounds that forget half of the ball prove what is not so."""
    plain = proofs.IntervalNetwork.margins

    def halved(self, inputs, targets, epsilon, low, high):
        return plain(self, inputs, targets, epsilon / 1000, low, high)

    monkeypatch.setattr(proofs.IntervalNetwork, "margins", halved)
    options = {**FEW, "methods": ("interval", "lipschitz"), "linf": (0.4,), "l2": (0.01,)}
    found = measure(images("certified", **options), "certified")
    (finding,) = read_findings(tmp_path) or ()
    assert finding.code == "certificate-beaten" and "interval had proved to stay in linf 0.4" in (
        finding.sentence
    )
    assert finding.where == {"method": "interval"}
    marked = {metric.name for metric in found if metric.where.get("flag") == finding.flag}
    assert marked == {"certified_accuracy"}
    assert "flag" not in one(found, "certified_accuracy", method="lipschitz").where


def test_a_vote_that_turns_is_named(images, tmp_path, monkeypatch):
    monkeypatch.setattr("harness_certified.smoothing.lower_bound", lambda *_: 0.9999999)
    options = {**FEW, "methods": ("smoothing",), "l2": (1.2,), "sigma": 0.3}
    found = measure(images("certified", **options), "certified")
    assert one(found, "certified_accuracy").value == one(found, "voted_accuracy").value
    (finding,) = read_findings(tmp_path) or ()
    assert "smoothing had proved" in finding.sentence


class Attentive(nn.Module):
    """A network through which no bounds go."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        rows = inputs.flatten(2).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(rows, rows, rows)
        return mixed.flatten(1)[:, :3]


def test_methods_that_do_not_hold_are_left_out_with_the_reason(images):
    context = images("certified", model=Attentive().eval(), **FEW)
    with pytest.warns(UserWarning) as told:
        found = measure(context, "certified")
    assert {m.where["method"] for m in named(found, "certified_accuracy")} == {"smoothing"}
    words = [str(one.message) for one in told]
    assert words[0].startswith(
        "interval and lipschitz are left out: no bound goes through scaled_dot_product"
    )
    options = {**FEW, "methods": ("interval",)}
    with pytest.raises(NotApplicable, match="scaled_dot_product_attention"):
        measure(images("certified", model=Attentive().eval(), **options), "certified")


class Drawing(nn.Module):
    """Dropout as a function, which is on unless it is told that no training is done."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.LazyLinear(3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(nn.functional.dropout(inputs.flatten(1)))


@pytest.mark.parametrize("method", ["interval", "lipschitz"])
def test_a_model_that_draws_numbers_is_refused(images, method):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        context = images("certified", model=Drawing(), **{**FEW, "methods": (method,)})
        context.model(next(iter(context.split("test").batches(2)))[0])
        with pytest.raises(NotApplicable, match="draw no random numbers"):
            measure(context, "certified")


@pytest.mark.parametrize("wrong", [{"linf": (0.0,)}, {"l2": (0.1, "0.1")}, {"alpha": 0.5}])
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError):
        CertifiedOptions(**wrong)


@pytest.mark.slow
def test_a_network_that_nothing_is_proved_of_is_refused_before_it_is_trained(tmp_path, capsys):
    suite = {
        "suite": {"name": "proofs"},
        "matrix": {"architectures": ["vit"], "datasets": ["digits"], "seeds": [0, 1]},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "certified", "methods": ["interval", "lipschitz"]}],
    }
    run = run_here(suite, store=tmp_path)
    assert run.data.counts == {"ok": 1, "skipped": 4}  # nor is it trained
    said = capsys.readouterr().err
    assert "skipped: certified vit#0 digits: interval and lipschitz are left out: no bound" in said
    reasons = {job.sort: job.reason for job in run.data.jobs if job.status == "skipped"}
    assert "no bound goes through LayerNorm" in reasons["measure"]
    assert "which is skipped" not in reasons["measure"]
    assert reasons["fit"] == "no measure is left that takes it"


def test_what_has_bounds_or_takes_votes_is_not_refused(classifier):
    for options in ({"methods": ("interval",)}, {"methods": ("lipschitz",)}, {}):
        check(image_task(), classifier, CertifiedOptions(**options))
    with pytest.raises(NotApplicable, match="interval and lipschitz are left out"):
        check(image_task(), Attentive(), CertifiedOptions(methods=("interval", "lipschitz")))
    check(image_task(), Attentive(), CertifiedOptions())
