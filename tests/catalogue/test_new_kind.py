"""What a newcomer touches to add a kind of item, counted by doing it in a copy of the tree: four files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

KIND = '''
@dataclass(frozen=True, kw_only=True)
class Explanation(Item):
    """What of an input a model's answer rests on.

    explain(model, inputs, targets) -> ``(batch, *shape)``.
    """

    kind = "explanation"
    explain: Reference
    takes: tuple[str, ...]
    _callable_fields: ClassVar[tuple[str, ...]] = ("explain",)


'''

CONTRACTS = '''"""What an explanation must satisfy."""

from __future__ import annotations

from harness.catalogue.kinds import Explanation
from harness.catalogue.references import resolve
from harness.contracts.subject import Subject, require


def check_callable(subject: Subject) -> None:
    """It can be called."""
    item = subject.item
    assert isinstance(item, Explanation)
    require(callable(resolve(item.explain)), "it cannot be called")


CONTRACTS = (check_callable,)
'''

ROW = "| `harness_register_explanations` | `Explanation`: what an answer rests on |\n"

EXAMPLE = """### Explanation

<!-- example: explanation -->
```python
from harness.api import Explanation, hookimpl


def explain(model, inputs, targets):
    return targets < 0


@hookimpl
def harness_register_explanations():
    yield Explanation(name="nothing", explain=explain, takes=("image",))
```

"""

COMMANDS = (
    "list explanations -p mine.py",
    "show explanation nothing -p mine.py",
    "plugin new reasons --kinds explanation",
    "plugin check reasons/reasons",
)
SCRIPT = f"""
import sys
from pathlib import Path

import harness
assert Path(harness.__file__).is_relative_to(Path.cwd()), harness.__file__
from harness.api import Explanation
from harness.cli import main
from harness.contracts.new_plugin import kind_examples

Path("mine.py").write_text(kind_examples()["explanation"])
for command in {COMMANDS!r}:
    sys.argv = ["harness", *command.split()]
    print("$", command)
    try:
        main()
    except SystemExit as end:
        assert not end.code, command
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("harness", "plugins", "reports"):
        ignored = shutil.ignore_patterns("__pycache__", "samples", "*.html")
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignored)
    return tmp_path


def insert(path: Path, before: str, text: str) -> None:
    old = path.read_text(encoding="utf-8")
    assert old.count(before) == 1, f"{path} has {old.count(before)} times {before!r}"
    path.write_text(old.replace(before, text + before), encoding="utf-8")


def add_kind(tree: Path) -> None:
    kinds, door = tree / "harness/catalogue/kinds.py", tree / "harness/api/__init__.py"
    insert(kinds, "KINDS: dict[str, type[Item]] =", KIND)
    insert(door, "    Dataset,\n", "    Explanation,\n")
    insert(door, '    "DataError",\n', '    "Explanation",\n')
    (tree / "harness/contracts/explanation.py").write_text(CONTRACTS)
    readme = tree / "plugins/README.md"
    insert(readme, "| `harness_register_shifts`", ROW)
    insert(readme, "### Shift\n", EXAMPLE)


def touched(tree: Path) -> set[str]:
    files = (path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        str(name)
        for path in files
        if not (ROOT / (name := path.relative_to(tree))).exists()
        or (ROOT / name).read_bytes() != path.read_bytes()
    }


def run_commands(tree: Path) -> dict[str, str]:
    """Return what each command prints where the copy is what is imported."""
    paths = [str(tree), str(tree / "plugins"), str(tree / "reports")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = done.stdout.split("$ ")[1:]
    return {
        command: text.removeprefix(command).strip()
        for command, text in zip(COMMANDS, outputs, strict=True)
    }


@pytest.mark.slow
def test_a_kind_is_four_files(tree: Path) -> None:
    assert touched(tree) == set()
    add_kind(tree)
    assert touched(tree) == {
        "harness/catalogue/kinds.py",
        "harness/api/__init__.py",
        "harness/contracts/explanation.py",
        "plugins/README.md",
    }
    listed, shown, written, checked = run_commands(tree).values()
    assert listed == "nothing"
    assert shown.startswith("explanation nothing\n") and "takes" in shown
    assert "reasons/reasons/explanation.py" in written
    assert "explanation reasons: It can be called." in checked and "failed" not in checked
