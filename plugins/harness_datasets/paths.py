"""Where a reader's files are: what a person wrote, made into a path that exists."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.api import UsageError
from harness_datasets.options import PathOptions

VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def expand(text: str) -> Path:
    """Return a path with "~", "$NAME" and "${NAME}" expanded.

    Raises:
        UsageError: A variable is not set, or the home of a user is not known.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise UsageError(f"path {text!r}: the variable {name} is not set in the environment")
        return os.environ[name]

    try:
        return Path(VARIABLE.sub(value, text)).expanduser()
    except RuntimeError:
        raise UsageError(f"path {text!r}: there is no such user's home folder") from None


def find_folder(options: PathOptions) -> list[Path]:
    """Return the folder that `path` names, as a list.

    Raises:
        UsageError: There is no such folder.
    """
    path = expand(options.path)
    if not path.is_dir():
        raise UsageError(f"path {options.path!r}: {_what_is_there(path)}; a folder is needed")
    return [path]


def find_file(options: PathOptions) -> list[Path]:
    """Return the file that `path` names, as a list.

    Raises:
        UsageError: There is no such file.
    """
    path = expand(options.path)
    if not path.is_file():
        raise UsageError(f"path {options.path!r}: {_what_is_there(path)}; a file is needed")
    return [path]


def find_file_or_folder(options: PathOptions) -> Path:
    """Return the file or folder that `path` names.

    Raises:
        UsageError: There is neither.
    """
    path = expand(options.path)
    if not path.is_dir() and not path.is_file():
        raise UsageError(
            f"path {options.path!r}: {_what_is_there(path)}; a file or a folder is needed"
        )
    return path


def _what_is_there(path: Path) -> str:
    absolute = path.absolute()
    if path.is_dir():
        return f"{absolute} is a folder"
    if path.exists():
        return f"{absolute} is not a folder"
    return f"{absolute} does not exist"
