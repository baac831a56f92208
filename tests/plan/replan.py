"""Plans a suite from a copy of the tree again and again, with an edit before each: for a test.

python replan.py SUITE ROUNDS: both JSON; ROUNDS is a list of rounds, lists of (file, how) edits that are made together.
It prints, for each round, the labels of the jobs whose fingerprint is another one than before. What runs is what was imported first:
an edit changes what a plan reads, not what it does.
"""

from __future__ import annotations

import ast
import json
import sys
import time
from pathlib import Path

from harness.catalogue.host import Host
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite


def edit(path: Path, how: str) -> None:
    """Change a source: "comment" it, "add" a statement, or "bodies": one to each function in it."""
    text = path.read_text(encoding="utf-8")
    if how == "comment":
        text = (
            '"""Another docstring."""\n# a comment\n' + ast.unparse(ast.parse(text)) + "\n# more\n"
        )
    elif how == "add":
        text += "\n_edited = 1\n"
    elif how == "register":
        hook, one = "def harness_register_attacks", "from harness.api import Attack\n"
        assert hook in text
        start = text.index("\n", text.index(":\n", text.index(hook)))
        more = "    yield Attack(name='another', perturb='nowhere:f', takes=('image',))\n"
        text = one + text[: start + 1] + more + text[start + 1 :]
        ast.parse(text)
    else:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                node.body.insert(0, ast.parse("_edited = 1").body[0])
        text = ast.unparse(tree)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    suite, rounds = map(json.loads, sys.argv[1:3])
    catalogue = Host().require_usable()

    def prints() -> dict[str, str]:
        plan = make_plan(load_suite(suite, catalogue), catalogue)
        return {job.label: job.fingerprint for job in plan.jobs}

    tree = Path(sys.modules["harness"].__file__ or "").parents[1]
    time.sleep(2.1)  # until then what was copied may still change, for all that its dates say
    found, before = [], prints()
    for edits in rounds:
        for file, how in edits:
            edit(tree / file, how)
        after = prints()
        found.append(sorted(label for label in before if before[label] != after[label]))
        before = after
    print(json.dumps(found))


if __name__ == "__main__":
    main()
