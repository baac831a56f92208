"""Built-in data sets: three that scikit-learn embeds, and readers of a person's own files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.api import Dataset, hookimpl
from harness_datasets import options


@hookimpl
def harness_register_datasets() -> Iterator[Dataset]:
    """Yield the embedded data sets and the readers."""
    yield Dataset(
        name="digits",
        load="harness_datasets.digits:load",
        summary="1,797 handwritten digits, 8 x 8 pixels",
        source="Alpaydin & Kaynak 1998 (UCI), embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="breast_cancer",
        load="harness_datasets.breast_cancer:load",
        modality="table",
        summary="569 tumours, 30 features, benign or malignant",
        source="Street, Wolberg & Mangasarian 1993 (UCI), embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="diabetes",
        load="harness_datasets.diabetes:load",
        modality="table",
        problem="regression",
        summary="442 patients, 10 features, progression of the disease after a year",
        source="Efron, Hastie, Johnstone & Tibshirani 2004, embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="imagefolder",
        load="harness_datasets.imagefolder:load",
        opens=("folder",),
        files="harness_datasets.imagefolder:find_files",
        preprocesses="harness_datasets.imagefolder:preprocesses",
        options=options.ImageFolderOptions,
        summary="your own images, a folder for each class",
        distributions=("pillow",),
    )
    yield Dataset(
        name="npz",
        load="harness_datasets.npz:load",
        opens=(".npz",),
        files="harness_datasets.paths:find_file",
        options=options.NpzOptions,
        summary="your own arrays, in a file of numpy",
        distributions=("numpy",),
    )
    table = Dataset(
        name="table",
        load="harness_datasets.table:load",
        opens=(".csv", ".tsv", ".parquet", ".jsonl"),
        modality="table",
        files="harness_datasets.paths:find_file",
        settle="harness_datasets.table:settle",
        options=options.TableOptions,
        summary="your own table, a row for each example",
        distributions=("numpy", "pyarrow"),
    )
    yield table
    yield replace(table, name="csv", opens=(), summary="`table`, by the name that it had before")
    yield Dataset(
        name="random_images",
        load="harness_datasets.random_images:load",
        options=options.RandomImagesOptions,
        summary="noise of any size, to time models on; there is nothing to learn",
        distributions=("numpy",),
    )
