"""The files inside of a tar archive: where each lies, so that it is read without those before it, and from any thread."""

from __future__ import annotations

import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.api import DataError

_BLOCK = 512  # bytes, of which an archive consists
_PACKED = {  # by what is no beginning of a name, with which a tar archive begins
    "gzip": re.compile(rb"\x1f\x8b"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside of an archive: bytes `start` to `start + size` of it."""

    shard: Path
    name: str
    start: int
    size: int

    def __str__(self) -> str:
        return f"{self.shard}, member {self.name}"

    def is_file(self) -> bool:
        """Return whether its archive is there."""
        return self.shard.is_file()

    def read_bytes(self) -> bytes:
        """Return what it holds."""
        with self.shard.open("rb") as file:
            return os.pread(file.fileno(), self.size, self.start)


def list_members(shard: Path) -> list[Member]:
    """Return the files in an archive, in its order; of the rest (folders, links, devices) none. Headers alone are read.

    Raises:
        DataError: It is no tar archive or is packed, is cut short, or a name leads out of it.
    """
    found: list[Member] = []
    try:
        size = shard.stat().st_size
        with shard.open("rb") as file:
            start = file.read(10)
            packed = next((name for name, mark in _PACKED.items() if mark.match(start)), "")
            if packed:
                raise DataError(
                    f"{shard} is packed by {packed}, and members of such an archive cannot be read in any order; unpack it"
                )
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for one in archive:
                    path = PurePosixPath(one.name)
                    if path.is_absolute() or ".." in path.parts:
                        raise DataError(
                            f"{shard}, member {one.name}: its name leads out of the archive; write names of a folder and a file"
                        )
                    if one.size < 0:  # before tarfile goes back by as much, and on from there again
                        raise DataError(
                            f"{shard}, member {one.name}: its header says a size of {one.size:,} bytes; the archive is damaged"
                        )
                    if one.issparse():
                        raise DataError(
                            f"{shard}, member {one.name}: it is a sparse file; pack it anew, as a whole"
                        )
                    if one.offset_data + (one.size if one.isfile() else 0) > size:
                        raise _cut_short(
                            shard,
                            f"member {one.name} should end at byte {one.offset_data + one.size:,}",
                            size,
                        )
                    if one.isfile():
                        found.append(Member(shard, str(path), one.offset_data, one.size))
                    archive.members.clear()  # type: ignore[attr-defined]  # or each would be kept
                file.seek(archive.offset)
            # Of an archive that ends inside of a header, or between two members, tarfile says nothing.
            if file.read(_BLOCK) != bytes(_BLOCK):
                raise _cut_short(shard, f"the mark of its end is not {_behind(found)}", size)
    except (tarfile.TarError, EOFError) as error:
        raise DataError(
            f"{shard} is no tar archive, or is damaged or cut short {_behind(found)}: {error}"
        ) from None
    except OSError as error:
        raise DataError(f"{shard} cannot be read: {error.strerror or error}") from None
    return found


def _behind(found: list[Member]) -> str:
    return f"behind member {found[-1].name}" if found else "at its beginning"


def _cut_short(shard: Path, where: str, size: int) -> DataError:
    return DataError(
        f"{shard} is cut short: {where}, and the file has {size:,} bytes; copy it again"
    )
