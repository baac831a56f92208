"""What the end of an error names: what is near, what has the words, or what is allowed."""

from harness.errors import nearest

LABELS = [
    f"{sort} net{n}#0 {data}"
    for n in range(9)
    for sort in ("fit", "flops")
    for data in ("churn", "digits")
]


def test_a_slip_is_answered_with_what_is_near() -> None:
    assert nearest("resnt", ["resnet", "vit"]) == "; did you mean 'resnet'?"


def test_a_name_that_lies_within_what_was_written_comes_before_others_that_are_like_it() -> None:
    known = ["accuracy", "robust_accuracy", "step_accuracy", "token_accuracy", "loss"]
    told = "; did you mean 'accuracy' or 'step_accuracy' or 'token_accuracy'?"
    assert nearest("test_acuracy", known) == told
    assert nearest("acuracy_step", known) == "; did you mean 'accuracy' or 'step_accuracy'?"


def test_a_part_of_names_is_answered_with_the_names_that_have_it() -> None:
    known = [*LABELS, "prepare churn"]
    found = nearest("Churn", known)
    assert found.startswith("; with 'Churn' in it: fit net0#0 churn, fit net1#0 churn")
    assert "digits" not in found and found.endswith("... (19 in all)")
    assert nearest("churn prep", known) == "; with 'churn prep' in it: prepare churn"


def test_what_is_like_nothing_is_answered_with_what_is_allowed() -> None:
    assert nearest("zzz", ["b", "a"]) == "; allowed: a, b"
    assert nearest("", ["a"]) == "; allowed: a"
    assert nearest("zzz", []) == ""


def test_of_many_names_that_are_not_alike_the_nearest_few_are_told() -> None:
    found = nearest("fit a churning pot", [*LABELS, "x"])
    assert found.startswith("; the nearest of 37 are 'fit net") and found.count("'") == 6
