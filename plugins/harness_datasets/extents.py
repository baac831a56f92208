"""About how many examples data sets have, and how many numbers each is made of: what a plan foretells the length of fits by."""

from __future__ import annotations

from itertools import islice

from harness_datasets import built_in_options
from harness_datasets.folders import read_layout
from harness_datasets.imagefolder import own_preprocessing
from harness_datasets.options import ImageFolderOptions
from harness_datasets.paths import find_file, find_folder
from harness_datasets.tables.column_names import read_names
from harness_datasets.tables.options import TableOptions

_LINES = 1000  # of a file, by whose length the number of all is told


def random_images(options: built_in_options.RandomImagesOptions) -> tuple[int, int]:
    """Return what the options say."""
    return options.examples, options.channels * options.size**2


def digits_on_textures(options: built_in_options.DigitsOnTexturesOptions) -> tuple[int, int]:
    """Return so many images of 32 x 32 pixels."""
    return options.examples, 32 * 32


def textures(options: built_in_options.TexturesOptions) -> tuple[int, int]:
    """Return patches of three photographs of 512 x 512 pixels."""
    return 3 * (512 // options.size) ** 2, options.size**2


def pydoc_topics(options: built_in_options.PydocTopicsOptions) -> tuple[int, int]:
    """Return windows of some 460,000 bytes."""
    return 460_000 // options.length, options.length


def stdlib_source(options: built_in_options.StdlibSourceOptions) -> tuple[int, int]:
    """Return windows of some 1,190,000 bytes."""
    return 1_190_000 // options.length, options.length


def connect_four_endgames(options: built_in_options.ConnectFourOptions) -> tuple[int, int]:
    """Return so many boards of six rows and seven columns."""
    return options.examples, 42


def function(options: built_in_options.FunctionOptions) -> tuple[int, int]:
    """Return so many points."""
    return options.examples, 1


def step_table(options: built_in_options.StepTableOptions) -> tuple[int, int]:
    """Return rows of four columns that say something, and others."""
    return options.examples, 4 + options.uninformative


def sequence_memory(options: built_in_options.SequenceMemoryOptions) -> tuple[int, int]:
    """Return sequences of two numbers a step."""
    return options.examples, 2 * options.length


def brackets(options: built_in_options.BracketsOptions) -> tuple[int, int]:
    """Return sequences of a sign a step."""
    return options.examples, options.length


def written_dates(options: built_in_options.WrittenDatesOptions) -> tuple[int, int]:
    """Return dates of 38 signs, answers among them."""
    return options.examples, 38


def sine_mix(options: built_in_options.SineMixOptions) -> tuple[int, int]:
    """Return windows of the series; those of training are `stride` apart."""
    return options.steps // options.stride, options.window


def daily_series(options: built_in_options.DailySeriesOptions) -> tuple[int, int]:
    """Return windows of all series; those of training are `stride` apart."""
    return 365 * options.years * options.series // options.stride, options.window


def imagefolder(options: ImageFolderOptions) -> tuple[int, int]:
    """Return the files of a folder, as they are read where no published weights say otherwise.

    Raises:
        DataError, UsageError: As of `load`, but for what is in the files.
    """
    (root,) = find_folder(options)
    height, width = own_preprocessing(options).size
    count = len(read_layout(root, options.test_only, options.classes).images)
    return count, options.channels * height * width


def table(options: TableOptions) -> tuple[int, int] | None:
    """Return the lines of a file of text, told from the length of the first ones, and its columns; of parquet what it says.

    Raises:
        UsageError: There is no such file.
    """
    (path,) = find_file(options)
    names = read_names(path, options)
    if names is None:
        return None
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_metadata(path).num_rows, len(names)
    with path.open("rb") as file:
        lengths = [len(line) for line in islice(file, _LINES)]
    return path.stat().st_size * len(lengths) // max(1, sum(lengths)), len(names)
