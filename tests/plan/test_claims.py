"""What a suite may claim of its figures, and what is wrong with what is no claim."""

from __future__ import annotations

import pytest

from harness.errors import ProblemsError, UsageError
from harness.plan.claims import Term, is_of, read_claim
from harness.plan.reader import load_suite


def test_a_claim_of_two_models() -> None:
    claim = read_claim({"expect": "accuracy(mlp:depth=3,width=64; recipe=long) < accuracy(vit)"})
    assert claim.left == Term("accuracy", "mlp:depth=3,width=64", {"recipe": "long"})
    assert claim.right == Term("accuracy", "vit")
    assert (claim.greater, claim.factor, claim.margin) == (False, 1.0, 0.0)


@pytest.mark.parametrize(("right", "factor", "margin"), [
    ("2 * p50(vit)", 2.0, 0.0), ("1/3*p50(vit)", 1 / 3, 0.0),
    ("p50(vit) + 0.02", 1.0, 0.02), ("1.5 * p50(vit) - 1e-3", 1.5, -1e-3),
])  # fmt: skip
def test_factors_and_margins(right: str, factor: float, margin: float) -> None:
    claim = read_claim({"expect": f"p50(mlp) > {right}"})
    assert claim.right == Term("p50", "vit")
    assert (claim.factor, claim.margin) == pytest.approx((factor, margin))


def test_a_number_is_a_margin_alone() -> None:
    for text, number in (("0.9", 0.9), ("8/255", 8 / 255), ("-0.5", -0.5)):
        claim = read_claim({"expect": f"r2(mlp) > {text}"})
        assert claim.right is None and claim.margin == pytest.approx(number)


def test_conditions_of_a_side_come_after_those_of_both() -> None:
    table = {"expect": "a(x; recipe=long) > a(y)", "where": {"recipe": "plain", "epsilon": 0.1}}
    claim = read_claim(table)
    assert claim.right is not None
    assert claim.conditions(claim.left) == {"recipe": "long", "epsilon": "0.1"}
    assert claim.conditions(claim.right) == {"recipe": "plain", "epsilon": "0.1"}


@pytest.mark.parametrize(("expect", "says"), [
    ("accuracy(mlp)", "has no '<' or '>'"),
    ("a(x) > b(y) > c(z)", "has more than one '<' or '>'"),
    ("accuracy > 0.5", "'accuracy' is no figure of a model"),
    ("2 * a(x) > a(y)", "'2 * a(x)' is no figure of a model"),
    ("a(x) > best", "'best' is neither a figure of a model nor a number"),
    ("a() > 1", "'a()' names no architecture"),
    ("a(x; long) > 1", "'long' is no condition key=value"),
])  # fmt: skip
def test_what_is_no_claim(expect: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_claim({"expect": expect})
    assert says in str(caught.value) and "METRIC(ARCHITECTURE)" in str(caught.value)


def test_conditions_compare_numbers_as_numbers() -> None:
    assert is_of(0.0625, "1/16") and is_of(64, "64") and is_of("pgd", "pgd") and is_of(True, "true")
    assert not is_of(0.07, "1/16") and not is_of(64, "large") and not is_of("pgd", "fgsm")


def test_claims_of_a_suite_are_checked_before_it_runs(catalogue, tmp_path) -> None:
    path = tmp_path / "x.toml"
    head = '[suite]\nname = "x"\n[matrix]\narchitectures = ["mlp", "lenet"]\ndatasets = ["digits"]\n[[measure]]\nname = "accuracy"\n'
    claims = [
        'expect = "accuracy(lennet) > accuracy(mlp)"',
        'expect = "accuracy(mlp) > accuracy(linear)"\nwhere = { recipe = "planar" }',
        'expect = "accuracy(mlp)"',
        'expects = "accuracy(mlp) > 0"',
        'expect = "accuracy(mlp) > accuracy(linear)"\nsays = "A net beats a line."',
    ]
    path.write_text(head + "".join(f"[[claim]]\n{claim}\n" for claim in claims))
    with pytest.raises(ProblemsError) as caught:
        load_suite(str(path), catalogue)
    found = [(problem.line, problem.message) for problem in caught.value.problems]
    assert [line for line, _ in found] == [9, 11, 14, 15, 16]
    assert found[0][1] == "no architecture of the suite is named 'lennet'; did you mean 'lenet'?"
    assert found[1][1].startswith("no recipe of the suite is named 'planar'; did you mean 'plain'")
    text = path.read_text().replace("lennet", "lenet").replace("planar", "plain")
    kept = text.split("[[claim]]")
    path.write_text("[[claim]]".join([kept[0], kept[1], kept[2], kept[5]]))
    suite = load_suite(str(path), catalogue)
    assert len(suite.written["claim"]) == 3
    load_suite(
        str(path), catalogue, matrix={"architectures": ["vit"]}
    )  # a switch leaves claims unmeasured


def test_a_mistyped_metric_is_told_before_anything_runs(catalogue, tmp_path) -> None:
    path = tmp_path / "x.toml"
    head = '[suite]\nname = "x"\n[matrix]\narchitectures = ["mlp"]\ndatasets = ["digits"]\n[[measure]]\nname = "accuracy"\n'
    claims = ("acuracy(mlp) > 0", "robust_accuracy(mlp) > 0", "fit_seconds(mlp) < mase(mlp)")
    path.write_text(head + "".join(f'[[claim]]\nexpect = "{claim}"\n' for claim in claims))
    with pytest.raises(ProblemsError) as caught:
        load_suite(str(path), catalogue)
    first, second = (problem.message for problem in caught.value.problems)
    assert first.startswith(
        "no measure of the suite has a metric 'acuracy'; did you mean 'accuracy'"
    )
    assert (
        second
        == "the metric 'robust_accuracy' is of the measure adversarial or tree_adversarial, which is not among the suite's"
    )
    path.write_text(head + '[[claim]]\nexpect = "robust_accuracy(mlp) > 0"\n')
    load_suite(str(path), catalogue, measures=["accuracy"])  # --measure may have left it out


def test_a_claim_is_not_blamed_for_a_name_whose_own_table_is_wrong(catalogue, tmp_path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        '[suite]\nname = "x"\n[matrix]\narchitectures = [\n{ name = "mlp", detph = 3, as = "deep" }, "lenet"]\n'
        'datasets = ["digits"]\n[recipes.short]\n[recipes.long]\nepochs = -1\n[[measure]]\nname = "accuracy"\n'
        '[[claim]]\nexpect = "accuracy(deep; recipe=long) > accuracy(lenet; recipe=short)"\n'
        '[[claim]]\nexpect = "accuracy(lenet; dataset=digit) > 0"\n'
    )
    with pytest.raises(ProblemsError) as caught:
        load_suite(str(path), catalogue)
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (5, "matrix.architectures.mlp.detph"),
        (9, "recipes.long.epochs"),
        (15, "claim.1.expect"),
    ]
