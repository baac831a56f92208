"""Members are found where tarfile has them, and an archive that ends anywhere before its end is refused."""

import io
import tarfile

import pytest
from shard_files import examples, write_shard

from harness.api import DataError
from harness_datasets.tar_members import list_members


def test_members_hold_what_was_written(tmp_path):
    contents = examples(0, 4) | {"empty.txt": b"", "x" * 150 + ".png": b"a long name"}
    found = list_members(write_shard(tmp_path / "a.tar", contents))
    assert {one.name: one.read_bytes() for one in found} == contents


def test_an_archive_that_is_cut_anywhere_is_refused(tmp_path):
    whole = write_shard(tmp_path / "a.tar", {f"{n}.jpg": b"x" * 700 for n in range(3)}).read_bytes()
    end = whole.rindex(b"x") // 512 * 512 + 512
    path = tmp_path / "cut.tar"
    for size in (*range(0, end + 512, 100), 1536, 3072, end, end + 511):
        path.write_bytes(whole[:size])
        with pytest.raises(
            DataError,
            match=r"cut\.tar .*cut short (behind member \d.jpg|at its b)|cut\.tar is cut short: ",
        ):
            list_members(path)
    path.write_bytes(whole[: end + 512])
    assert len(list_members(path)) == 3


@pytest.mark.parametrize("name", ["/etc/passwd.jpg", "../out.jpg", "a/../../out.jpg"])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    path = write_shard(tmp_path / "a.tar", {"a.jpg": b"1", name: b"2"})
    with pytest.raises(DataError, match=f"a.tar, member {name}: its name leads out"):
        list_members(path)


def test_a_member_of_negative_size_is_refused(tmp_path):
    path = write_shard(tmp_path / "a.tar", {"a.jpg": b"x" * 700})
    header = bytearray(path.read_bytes())
    header[124:136] = b"\xff" + (256**11 - 512).to_bytes(11, "big")  # -512 in base 256
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:512]))
    path.write_bytes(header)
    with pytest.raises(DataError, match="a.tar, member a.jpg: its header says a size of -512"):
        list_members(path)


def test_links_and_folders_are_no_files(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("folder", tarfile.DIRTYPE), ("link.jpg", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("a.jpg")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    assert [str(one) for one in list_members(path)] == [f"{path}, member a.jpg"]


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"no archive at all" * 100)
    with pytest.raises(
        DataError, match="a.tar is no tar archive, or is damaged or cut short at its beginning"
    ):
        list_members(path)


@pytest.mark.parametrize(("how", "named"), [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz")])
def test_a_packed_archive_is_refused_and_told_from_a_name(tmp_path, how, named):
    for contents in ({}, {"a.jpg": b"x"}):
        path = tmp_path / "a.tar"
        with tarfile.open(path, f"w:{how}") as archive:
            for name, content in contents.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        with pytest.raises(DataError, match=f"a.tar is packed by {named}.*unpack it"):
            list_members(path)
    contents = {"BZh9.jpg": b"1"}
    assert [one.name for one in list_members(write_shard(path, contents))] == list(contents)
