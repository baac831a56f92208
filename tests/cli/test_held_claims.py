"""`harness run --fail-on-contradiction`: whether a run is held to its claims, and what it says of that."""

import pytest

from harness.cli.run_command import _hold_to_claims
from harness.summary.report_data import JudgedClaim


@pytest.mark.parametrize(
    ("outcomes", "holds", "said"),
    [
        ("confirmed undecided", True, "None of 2 claims is contradicted"),
        ("confirmed contradicted", False, "of 2 claims 1 contradicted"),
        ("not-judged contradicted not-judged", False, "of 3 claims 1 contradicted, 2 not judged"),
        ("confirmed left-out", True, "None of 2 claims is contradicted; 1 left out by a switch"),
        ("contradicted left-out", False, "of 2 claims 1 contradicted; 1 left out by a switch"),
        ("left-out left-out", False, "of 2 claims none was judged; 2 left out by a switch"),
    ],
)
def test_a_run_says_which_claims_it_fails(outcomes, holds, said, capsys):
    claims = [
        JudgedClaim(
            expect="a(x) > 0",
            says="",
            source="",
            outcome="not judged" if one == "left-out" else one.replace("-", " "),
            left_out=one == "left-out",
        )
        for one in outcomes.split()
    ]
    assert _hold_to_claims(claims, switched=True) is holds
    printed = capsys.readouterr().out
    assert said in printed and printed.startswith("FAILS" if not holds else "None")


def test_what_no_switch_can_have_left_out_was_not_judged(capsys):
    claims = [
        JudgedClaim(expect="a(x) > 0", says="", source="", outcome="confirmed"),
        JudgedClaim(expect="b(x) > 0", says="", source="", outcome="not judged", left_out=True),
    ]
    assert not _hold_to_claims(claims, switched=False)
    assert "of 2 claims 1 not judged" in capsys.readouterr().out
