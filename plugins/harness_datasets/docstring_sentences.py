"""`docstring_sentences`: sentences of the documentation of eight packages of Python's standard library."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from harness.api import DataError, DataNote, LoadedData
from harness.api.reporting import counted
from harness_datasets.built_in_options import DocstringSentencesOptions
from harness_datasets.stdlib_files import require_sources, sources_of, turn_of
from harness_datasets.texts.encoding import TextEncoder, digests

PACKAGES = ("asyncio", "email", "http", "importlib", "multiprocessing", "unittest", "urllib", "xml")
FEWEST_WORDS = 5
_END = re.compile(r"(?<=[.!?])\s+")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def load(options: DocstringSentencesOptions) -> LoadedData:
    """Load sentences of five words or more from the docstrings of each package, and which package each is from.

    The files of a package that have such sentences, the largest first, are for training, testing, validation, training and
    training in turn; a sentence that is in several files is of the first of them alone.

    Raises:
        DataError: A package has no sources, or none of its files is for some split.
    """
    texts: dict[str, tuple[int, str, str]] = {}  # sentence: label, split, file
    for label, package in enumerate(PACKAGES):
        files = require_sources("docstring_sentences", package)
        found = {name: sentences(path) for name, path in files.items()}
        written = [name for name, some in found.items() if some]
        for turn, name in enumerate(written):
            for text in found[name]:
                texts.setdefault(text, (label, turn_of(turn), name))
        if len(written) < 3:
            raise DataError(
                f"docstring_sentences: this Python documents {counted(len(written), 'file')} of its package {package}, and three "
                "are needed to train, validate and test; use another data set"
            )
    names = [name for _, _, name in texts.values()]
    note = DataNote(
        title="Where the sentences are from",
        header=("what", "how"),
        rows=(
            ("text", f"the docstrings of {len(PACKAGES)} packages of Python's standard library"),
            ("examples", f"{counted(len(texts), 'sentence')} of {FEWEST_WORDS} words or more"),
            ("splits", f"no file is in two, of {len(set(names))}; a sentence is there once"),
        ),
    )
    return LoadedData(
        modality="tokens",
        problem="classification",
        encode=TextEncoder(list(texts), options),
        keys=digests(texts),
        targets=np.array([label for label, _, _ in texts.values()]),
        split=[split for _, split, _ in texts.values()],
        low=0.0,
        class_names=PACKAGES,
        name_example=lambda row: f"a sentence of {names[row]}",
        notes=(note,),
    )


@cache
def sentences(path: Path) -> tuple[str, ...]:
    """Return the sentences of a source's docstrings, blanks as one, without those that show code."""
    return tuple(_sentences(path))


def _sentences(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        written = ast.get_docstring(node) if isinstance(node, _DOCUMENTED) else None
        for paragraph in (written or "").split("\n\n"):
            if ">>>" in paragraph:
                continue
            for sentence in _END.split(" ".join(paragraph.split())):
                if len(sentence.split()) >= FEWEST_WORDS:
                    yield sentence


def find_files() -> list[str]:
    """Return the files that it reads, which another version of Python has otherwise."""
    return [str(file) for package in PACKAGES for file in sources_of(package).values()]
