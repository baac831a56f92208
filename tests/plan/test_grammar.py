"""The grammar of names: what is read, refused, and written so that it is read as it was."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.plan.grammar import format_name, format_value, parse_name


@pytest.mark.parametrize(
    ("text", "base", "options"),
    [
        ("mlp", "mlp", {}),
        (" mlp ", "mlp", {}),
        ("mlp:depth=8,activation=tanh", "mlp", {"depth": 8, "activation": "tanh"}),
        ("mlp : depth = 8 , width=3", "mlp", {"depth": 8, "width": 3}),
        ("timm/vit_*", "timm/vit_*", {}),
        ("my_package.module:Net", "my_package.module:Net", {}),
        ("my_package.module:Net:width=4", "my_package.module:Net", {"width": 4}),
        ("my.module:Net:width=4,name=a:b", "my.module:Net", {"width": 4, "name": "a:b"}),
        (
            "x:a=true,b=false,c=1e-3,d=.5,e=-2",
            "x",
            {"a": True, "b": False, "c": 1e-3, "d": 0.5, "e": -2},
        ),
        ("x:a=[1,2.5,b]", "x", {"a": [1, 2.5, "b"]}),
        ("x:a=[]", "x", {"a": []}),
        ("x:a=[[1,2],[3]]", "x", {"a": [[1, 2], [3]]}),
        ("x:a=None,b=[None,none],c='None'", "x", {"a": None, "b": [None, "none"], "c": "None"}),
        (
            'x:a=["pgd:steps=20,restarts=2",fgsm]',
            "x",
            {"a": ["pgd:steps=20,restarts=2", "fgsm"]},
        ),
        ("x:a='8/255',b=\"a,b]\"", "x", {"a": "8/255", "b": "a,b]"}),
        ("x:a=8/255", "x", {"a": "8/255"}),
        (r'x:a="say \"hi\", \\ and C:\new"', "x", {"a": r'say "hi", \ and C:\new'}),
        ("x:a=\"3\",b='true'", "x", {"a": "3", "b": "true"}),
        ("csv:path=./my data.csv", "csv", {"path": "./my data.csv"}),
    ],
)
def test_a_name_is_read(text: str, base: str, options: dict[str, object]) -> None:
    parsed = parse_name(text)
    assert (parsed.base, parsed.options) == (base, options)
    assert {k: type(v) for k, v in parsed.options.items()} == {
        k: type(v) for k, v in options.items()
    }


@pytest.mark.parametrize(
    "options",
    [
        {"a": 1},
        {"a": 1_000_000, "b": -3, "c": 10**20},
        {"a": 0.1, "b": 1e-5, "c": 1 / 3, "d": 123456789.125},
        {"a": True, "b": False},
        {"a": "tanh", "b": "3", "c": "true", "d": "", "e": "a b", "f": "1e5"},
        {"a": 'say "hi"', "b": "it's", "c": "a\\", "d": 'a\\"b', "e": "[x", "f": "k=v,w"},
        {"a": [1, 2.5, "x", "p:q=1,r=2"], "b": [], "c": [[1], ["]"]]},
        {"a": None, "b": "None", "c": [None, ["None"], [[]]]},
        {"path": "/data/photos (1)/x.csv", "other": "$HOME/x", "third": "Füße/日本"},
    ],
)
def test_options_come_back_as_they_were_written(options: dict[str, object]) -> None:
    parsed = parse_name(format_name("x", options))
    assert parsed.options == options
    for key, value in options.items():
        if not isinstance(value, float):  # 2.0 is written 2
            assert type(parsed.options[key]) is type(value)


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_of_any_length_is_read(digits: int) -> None:
    assert parse_name(f"x:a={'9' * digits}").options["a"] == float("inf")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a name is empty"),
        ("mlp:", "write name:key=value"),
        ("mlp:depth=[1", "not closed"),
        ("mlp:depth=1]", "closed without being open"),
        ('mlp:depth="1', "not closed"),
        ("mlp:depth=1,,width=2", "'' is not of the form key=value"),
        (
            "mlp:depth=1,width",
            "'width' is not of the form key=value; several values are written depth=",
        ),
        ("mlp:depth=1,depth=2", "'depth' is given twice"),
        ("mlp:depth=", "has no value"),
    ],
)
def test_a_name_that_breaks_the_grammar_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_name(text)


def test_a_float_is_written_shortly_and_exactly() -> None:
    assert format_value(0.5) == "0.5"
    assert format_value(1 / 3) == "0.3333333333333333"
    assert format_value(100000000) == "100000000"
