"""What a source says: no comment, docstring or position counts, and every change of code does."""

from __future__ import annotations

import textwrap

import pytest

from harness.catalogue.syntax import Syntax, read_syntax

SOURCE = '''
import math

WIDTH = 3

def build(width=WIDTH):
    """Build it."""
    return math.sqrt(width) + 1

class Net:
    """A net."""

    depth: int = 2

    def forward(self, x):
        return x * self.depth
'''


def read(text: str) -> Syntax:
    syntax = read_syntax(textwrap.dedent(text).encode())
    assert not syntax.error
    return syntax


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WIDTH = 3", "WIDTH = 3  # a comment"),
        ("import math", "# a comment\n\n\nimport math"),
        ('"""Build it."""', '"""Build something else."""'),
        ('"""A net."""', ""),
        ("\nimport math", '\n"""A module."""\nimport math'),
        ("math.sqrt(width) + 1", "(\n        math.sqrt( width )+1\n    )"),
        ("WIDTH = 3", "WIDTH = 0x3"),
        ("class Net:", "class Net():"),
    ],
)
def test_what_changes_nothing(old: str, new: str) -> None:
    assert old in SOURCE
    assert read(SOURCE.replace(old, new)).digest == read(SOURCE).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WIDTH = 3", "WIDTH = 4"),
        ("WIDTH = 3", "WIDTH = 3.0"),
        ("WIDTH = 3", "WIDTH = True"),
        ("WIDTH = 3", "WIDTH = '3'"),
        ("WIDTH = 3", "WIDTH: int = 3"),
        ("math.sqrt(width) + 1", "math.sqrt(width + 1)"),
        ("math.sqrt(width) + 1", "math.sqrt(width) - 1"),
        ("math.sqrt(width) + 1", "math.cbrt(width) + 1"),
        ("return x * self.depth", "return None"),
        ("return x * self.depth", "return"),
        ("return x * self.depth", "yield x * self.depth"),
        ("depth: int = 2", "depth: int = -2"),
        ("def forward(self, x)", "def forward(self, *x)"),
        ("def forward(self, x)", "def forward(self, x, /)"),
        ("def forward(self, x)", "def forward(x, self)"),
        ("def forward(self, x)", "async def forward(self, x)"),
        ("    def forward", "    @property\n    def forward"),
    ],
)
def test_what_changes_the_digest(old: str, new: str) -> None:
    assert old in SOURCE
    assert read(SOURCE.replace(old, new)).digest != read(SOURCE).digest


def test_a_docstring_that_is_read_counts() -> None:
    text = 'def f():\n    """One."""\n\nHELP = f.__doc__\n'
    assert read(text).digest != read(text.replace("One", "Two")).digest


def test_statements_say_what_they_bind_use_and_import() -> None:
    width, build, net = read(SOURCE).statements[1:]
    assert width.binds == ("WIDTH",) and width.inert
    assert build.binds == ("build",) and set(build.uses) == {"WIDTH", "math.sqrt"}
    assert net.binds == ("Net",) and net.uses == ()
    imports = read("from . import a as b\nimport c.d\nfrom ..e import *\n").statements
    assert [[(i.binds, i.module, i.name) for i in one.imports] for one in imports] == [
        [("b", ".", "a")],
        [("c", "c", ""), ("", "c.d", "")],
        [("*", "..e", "*")],
    ]


def test_what_no_import_executes_is_left_out() -> None:
    text = """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import torch
        else:
            torch = None
        if __name__ == "__main__":
            print(torch)
    """
    assert [one.binds for one in read(text).statements] == [("TYPE_CHECKING",), ("torch",)]


@pytest.mark.parametrize(
    "text",
    [
        "registry['a'] = 1",
        "net.width = 1",
        "register(1)",
        "for i in (1, 2): x = i",
        "with open('x') as file: text = file.read()",
        "try:\n    import a\nexcept ImportError:\n    a = None",
        "del x",
        "x, net.y = 1, 2",
    ],
)
def test_what_does_more_than_to_bind_names(text: str) -> None:
    (statement,) = read(text).statements
    assert not statement.inert


def test_what_is_called_where_a_statement_is_executed() -> None:
    text = """
        @register("a")
        def f(x=default()):
            return later()
        class A(Base, metaclass=Meta):
            field = make()
            def method(self):
                return later()
        value = load().strip()
        words = "a b".split()
        made = lambda: later()
    """
    f, a, value, words, made = read(text).statements
    assert set(f.calls) == {"register", "default"} and f.body_calls == ("later",)
    assert set(a.calls) == {"<Base", "Meta", "make"}
    assert "?" in value.calls and words.calls == ("",) and made.calls == ()


def test_what_cannot_be_parsed_is_known_by_its_bytes() -> None:
    broken = read_syntax(b"def f(:\n")
    assert broken.error == "line 1: syntax error: invalid syntax" and not broken.statements
    assert read_syntax(b"def f(:\n\n").digest != broken.digest
    deep = read_syntax(b"x = " + b"+".join([b"1"] * 5000))
    assert deep.digest and (deep.error or deep.statements)
    assert not read_syntax(b"x = '\\d'\n").error  # a warning of Python's is none of ours


def test_it_can_be_kept_as_json() -> None:
    import json

    syntax = read(SOURCE + "from .a import *\n@hookimpl\ndef g(): f()\n")
    assert Syntax.from_json(json.loads(json.dumps(syntax.to_json()))) == syntax
