"""Files of text: what is no UTF-8 is refused, by file and line."""

from __future__ import annotations

from pathlib import Path

from harness.api import DataError


def read_text(path: Path) -> str:
    """Return the text of a file, without the mark that some editors begin it with.

    Raises:
        DataError: It cannot be read, or is not in UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: it is not UTF-8: line {raw.count(10, 0, error.start) + 1} has the byte 0x{error.object[error.start]:02x}; "
            f"save it as UTF-8, as `iconv -f latin1 -t utf-8` does"
        ) from None


def refuse_other_encoding(path: Path, encoding: str) -> None:
    """Refuse a table of texts that was read by a guess.

    Raises:
        DataError: It was.
    """
    if encoding not in ("", "utf-8", "utf-16"):
        try:
            read_text(path)
        except DataError as error:
            raise DataError(f"{error}, or say encoding={encoding} if it is that") from None
