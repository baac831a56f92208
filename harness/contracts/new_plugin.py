"""A new plugin's files: a package with an item of each kind that is asked for, its tests and a CI file.

The items are the examples of plugins/README.md, which a test runs through their contracts.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.catalogue.hookspecs import REGISTER_HOOKS
from harness.catalogue.kinds import KINDS
from harness.errors import UsageError
from harness.plan.names import check_kind

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_BLOCK = re.compile(r"<!-- example: (\w+) -->\n```python\n(.*?)```", re.DOTALL)

_PROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
description = "A plugin for model-harness."
requires-python = ">=3.11"
dependencies = ["model-harness"]

[project.optional-dependencies]
test = ["pytest>=9"]

[project.entry-points.harness]
{module} = "{module}"

[tool.pytest.ini_options]
testpaths = ["tests"]
filterwarnings = ["error"]
"""

_TEST = '''\
"""The items keep the contracts that the harness's own keep."""

from harness.api.testing import check_plugin

ITEMS = {{
{items}}}


def test_contracts(subtests):
    checked = set()
    for result in check_plugin("{module}"):
        checked.add(result.item)
        with subtests.test(f"{{result.item}}: {{result.contract}}"):
            assert result.ok, result.reason
    assert checked >= ITEMS
'''

_CHECK = """\
name: check
on: [push, pull_request]
jobs:
  check:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: ["3.11", "3.12"]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{{{ matrix.python }}}}
      - run: pip install -e ".[test]"
      - run: pytest
"""


def kind_examples() -> dict[str, str]:
    """Return {kind: source of a plugin with one item of it}, from the README of the plugins."""
    readme = Path(__file__).parent / "plugin_examples.md"  # a link in a checkout, a copy in a wheel
    return dict(_BLOCK.findall(readme.read_text(encoding="utf-8")))


def plugin_files(name: str, kinds: Sequence[str]) -> dict[str, str]:
    """Return {path in the plugin's folder: text} of a new plugin; its items bear its name.

    kinds: in the singular or plural.

    Raises:
        UsageError: The name cannot be a distribution's and a module's, or there is no such kind.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a plugin: write small letters, digits and single '-', "
            "such as my-plugin"
        )
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or _is_taken(module):
        raise UsageError(f"{name!r}: Python has a module {module!r} already; take another name")
    examples, wanted = kind_examples(), list(dict.fromkeys(map(check_kind, kinds)))
    items = "".join(f'    "{kind} {name}",\n' for kind in wanted)
    given = {"name": name, "module": module, "items": items}
    return {
        "pyproject.toml": _PROJECT.format(**given),
        ".github/workflows/check.yml": _CHECK.format(**given),
        "tests/test_contracts.py": _TEST.format(**given),
        f"{module}/__init__.py": _package(module, wanted),
        **{f"{module}/{kind}.py": _named(examples[kind], kind, name) for kind in wanted},
    }


def write_plugin(folder: Path, files: dict[str, str]) -> Iterable[Path]:
    """Write the files of a new plugin and yield their paths.

    Raises:
        UsageError: The folder is there already and has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; move it away, or take another name")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        yield path


def _is_taken(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None  # a mere folder is no module


def _package(module: str, kinds: Sequence[str]) -> str:
    """Return the source of the package: it gathers the hooks of its modules."""
    hooks = {kind: REGISTER_HOOKS[kind] for kind in sorted(kinds)}
    imports = [f"from {module}.{kind} import {hook}" for kind, hook in hooks.items()]
    listed = [f'    "{hook}",' for hook in hooks.values()]
    return "\n".join(
        [
            '"""A plugin for model-harness."""',
            "",
            *imports,
            "",
            "__all__ = [",
            *listed,
            "]",
            "",
        ]
    )


def _named(example: str, kind: str, name: str) -> str:
    """Return an example whose item bears another name."""
    made = f"{KINDS[kind].__name__}("
    start = example.rindex(made)
    return example[:start] + re.sub(r'name="[^"]+"', f'name="{name}"', example[start:], count=1)
