"""`voc`: a person's own images and boxes, as the XML files of Pascal VOC have them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from harness.api import DataError, LoadedData
from harness_datasets.boxed_images import Box, BoxedImage, Corners, Found, as_data
from harness_datasets.folders import SPLITS, find_images, usual_split
from harness_datasets.options import VocOptions
from harness_datasets.paths import find_folder
from harness_datasets.texts.files import read_text

ANNOTATIONS, IMAGES, SETS = "Annotations", "JPEGImages", Path("ImageSets", "Main")
_NUMBER = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII
)  # float() takes 1_0 for 10
EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Page:
    """An XML file: its objects, (name, box, weight), and the (height, width) of its image, where it says that."""

    path: Path
    objects: Sequence[tuple[str, Corners, float]]
    size: tuple[float, float] | None


def load(options: VocOptions) -> LoadedData:
    """Read a box about each object from `Annotations/NAME.xml`, and `JPEGImages/NAME.*` as they are asked for.

    `ImageSets/Main/train.txt`, val.txt and test.txt say the splits, where they are there; a val without a test is the test. Or folders
    train, val (valid, validation) and test have images and their XML files side by side. VOC counts pixels from 1, and the last
    one of a box is in it. Objects that are difficult are regions that nothing is asked of, as in VOC's evaluation.

    Raises:
        DataError: Something is wrong in the files, all of it told at once.
    """
    (root,) = find_folder(options)
    found = Found()
    pictures: dict[str, list[Path]] = {}
    pages: list[tuple[str, str, Page]] = []
    there: set[str] = set()
    for folder, images, split in _folders(root):
        for path in find_images(images, (), found.left_out):
            pictures.setdefault(f"{split}/{path.stem}", []).append(path)
        for path in sorted(folder.glob("*.xml")):
            there.add(path.stem)
            try:
                pages.append((f"{split}/{path.stem}", split, read_page(path)))
            except DataError as error:
                found.problems.append(str(error))
    if not pages and not found.problems:
        raise DataError(
            f"{root} has no XML files; wanted are {ANNOTATIONS}/NAME.xml and {IMAGES}/NAME.jpg, or folders train, val and test with both"
        )
    found.left_out.pop("files that are no images (.xml)", None)
    listed, problems = read_sets(root / SETS)
    found.problems += problems
    names = sorted({name for _, _, page in pages for name, _, _ in page.objects})
    found.names = tuple(names)
    for key, split, page in pages:
        stem = page.path.stem
        if listed and stem not in listed:
            found.left_out[f"XML files that {SETS} does not list"] += 1
            continue
        of = pictures.pop(key, [])
        if len(of) != 1:
            what = "no image" if not of else f"several images, {', '.join(map(str, of))}"
            found.problems.append(f"{page.path} has {what} of its name")
            continue
        boxes = [
            Box(corners, names.index(name), weight, f"{page.path}: object {place}")
            for place, (name, corners, weight) in enumerate(page.objects, 1)
        ]
        found.images.append(BoxedImage(of[0], boxes, page.size, listed.get(stem, split)))
    found.problems += [
        f"{root / SETS} lists {stem}, and {root / ANNOTATIONS / stem}.xml is not there"
        for stem in sorted(set(listed) - there)
    ]
    found.left_out += Counter({"images without an XML file": sum(map(len, pictures.values()))})
    return as_data(root, found, options)


def _folders(root: Path) -> list[tuple[Path, Path, str]]:
    """Return each folder of XML files, that of their images, and the split that both are; "": it is said elsewhere."""
    if (root / ANNOTATIONS).is_dir():
        return [(root / ANNOTATIONS, root / IMAGES if (root / IMAGES).is_dir() else root, "")]
    parts = [
        path for path in sorted(root.iterdir()) if path.is_dir() and path.name.lower() in SPLITS
    ]
    if not parts:
        return [(root, root, "")]
    splits = [SPLITS[path.name.lower()] for path in parts]
    return [
        (path, path, usual_split(split, splits)) for path, split in zip(parts, splits, strict=True)
    ]


def read_sets(folder: Path) -> tuple[Mapping[str, str], list[str]]:
    """Return the split of each name that train.txt, val.txt and test.txt list, and what is wrong with them."""
    files = {folder / f"{name}.txt": split for name, split in SPLITS.items()}
    lists = {split: path for path, split in files.items() if path.is_file()}
    found: dict[str, str] = {}
    problems = []
    for split, path in lists.items():
        for line in read_text(path).splitlines():
            name = line.strip()
            if name in found:
                problems.append(f"{path} lists {name}, as another list does")
            elif name:
                found[name] = usual_split(split, lists)
    return found, problems


def read_page(path: Path) -> Page:
    """Return what an XML file says of an image.

    Raises:
        DataError: It is no XML, or an object has no name or no box.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(
            f"{path} defines entities, which no file of Pascal VOC does; it is not read"
        )
    try:
        page = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DataError(f"{path} is no XML: {error}; is it whole?") from None
    objects = []
    for place, one in enumerate(page.findall("object"), 1):
        where = f"{path}: object {place}"
        name = (one.findtext("name") or "").strip()
        if not name:
            raise DataError(f"{where} has no name")
        edges = [_number(one.findtext(f"bndbox/{edge}")) for edge in EDGES]
        if None in edges:
            lost = EDGES[edges.index(None)]
            raise DataError(
                f"{where}, {name}, has the {lost} {one.findtext(f'bndbox/{lost}')!r}; a number is needed"
            )
        left, top, right, bottom = (edge for edge in edges if edge is not None)
        difficult = (one.findtext("difficult") or "").strip()
        if difficult not in ("", "0", "1"):
            raise DataError(
                f"{where}, {name}, has the difficulty {difficult!r}; allowed are 0 and 1"
            )
        weight = 0.0 if difficult == "1" else 1.0
        objects.append((name, (left - 1, top - 1, right, bottom), weight))
    height, width = (_number(page.findtext(f"size/{side}")) for side in ("height", "width"))
    return Page(path, objects, (height, width) if height and width else None)


def _number(text: str | None) -> float | None:
    """Return the number that a text is, written as XML Schema has decimals; None where it is none."""
    written = (text or "").strip()
    return float(written) if _NUMBER.fullmatch(written) else None
