"""`pydoc_topics`: English from Python's own help, byte by byte."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from harness.api import DataNote, LoadedData, TextCode
from harness.api.reporting import counted
from harness_datasets.built_in_options import PydocTopicsOptions
from harness_datasets.text_windows import windows


def load(options: PydocTopicsOptions) -> LoadedData:
    """Load windows of bytes ``(windows, length)`` and the byte after each of them; a topic is in one split alone."""
    from pydoc_data.topics import topics

    names = sorted(topics)
    texts = [topics[name].encode("utf-8") for name in names]
    parts = [windows(text, options.length, 1) for text in texts]
    whole = np.concatenate(parts)
    places = np.concatenate([np.full(len(part), place) for place, part in enumerate(parts)])
    return LoadedData(
        modality="tokens",
        problem="next_token",
        inputs=np.ascontiguousarray(whole[:, :-1]),
        targets=whole[:, 1:].astype("int64"),
        low=0.0,
        high=255.0,
        groups=places,
        name_example=lambda row: f"a window of the topic {names[places[row]]!r}",
        text=TextCode(by="bytes"),
        notes=(_note(options, len(whole), sum(map(len, texts)), len(names)),),
    )


def _note(options: PydocTopicsOptions, count: int, size: int, topics: int) -> DataNote:
    left = size - count * options.length
    rows = (
        ("text", f"{size:,} bytes of UTF-8, {counted(topics, 'topic')} of Python's help"),
        ("examples", f"{count:,} windows of {options.length} bytes, one after another"),
        ("targets", "the byte after each; before the first of a window a model is given none"),
        ("left out", f"{left:,} bytes at the ends of topics"),
    )
    return DataNote(title="What the text was made of", header=("what", "how"), rows=rows)


def find_files() -> list[str]:
    """Return the file that Python's topics are in, which another version of Python has otherwise."""
    spec = find_spec("pydoc_data.topics")
    assert spec is not None and spec.origin is not None
    return [spec.origin]
