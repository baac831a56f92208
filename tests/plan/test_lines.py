from __future__ import annotations

import tomllib

import pytest

from harness.plan.lines import Path, key_lines, line_of

TEXT = """\
# a comment with [brackets] and = signs
top = 1
[suite]
name = "x # [no]"   # a comment
long = \"\"\"
name = 1
[fake]
\"\"\"
[matrix]
architectures = [
  "mlp", # one
  "lenet:x=1",

  {name = "a", depth = [1,
     2], "q k" = 'x'},
]
seeds=[0,1]
[recipes . "a b".for."vit*"]
x.y . "z w" = {a = {b = 3}}
e = \"\"\"a\\\\\"\"\"
when = 1979-05-27 07:32:00
[[measure]]
name="x"
[measure.sub]
k=[[1],[2,
3]]
[[measure]]
[[measure.many]]
q=1
[[measure.many]]
q='''it's ] } , #'''
empty = []
z = {}
"""


def values(inside: object, path: Path = ()) -> list[Path]:
    """Every path of a parsed text, as a reader of it would say."""
    found: list[Path] = [path] if path else []
    if isinstance(inside, dict):
        for name, value in inside.items():
            found += values(value, (*path, name))
    elif isinstance(inside, list):
        for index, value in enumerate(inside):
            found += values(value, (*path, index))
    return found


def test_every_key_of_a_text_has_a_line() -> None:
    lines = key_lines(TEXT)
    assert set(lines) == set(values(tomllib.loads(TEXT)))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("suite", "name"), 4),
        (("suite", "long"), 5),
        (("matrix",), 9),
        (("matrix", "architectures"), 10),
        (("matrix", "architectures", 0), 11),
        (("matrix", "architectures", 1), 12),
        (("matrix", "architectures", 2), 14),
        (("matrix", "architectures", 2, "depth", 1), 15),
        (("matrix", "architectures", 2, "q k"), 15),
        (("matrix", "seeds"), 17),
        (("recipes", "a b", "for", "vit*"), 18),
        (("recipes", "a b", "for", "vit*", "x", "y", "z w", "a", "b"), 19),
        (("measure", 0), 22),
        (("measure", 0, "sub", "k", 1, 1), 26),
        (("measure", 1, "many", 1, "q"), 31),
        (("measure", 1, "many", 1, "z"), 33),
    ],
)
def test_a_key_stands_in_its_line(path: Path, line: int) -> None:
    assert key_lines(TEXT)[path] == line
    assert key_lines(TEXT.replace("\n", "\r\n"))[path] == line


def test_what_is_not_there_has_the_line_of_what_is_around_it() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("measure", 1, "many", 7, "q")) == 28
    assert line_of(lines, ("suite", "nothing")) == 3
    assert line_of(lines, ("nothing",)) is None


def test_a_long_list_is_read_at_once() -> None:
    text = "seeds = [\n" + "  1,\n" * 30_000 + "]\nlast = 1\n"
    lines = key_lines(text)
    assert lines["seeds", 29_999] == 30_001
    assert lines["last",] == 30_003
