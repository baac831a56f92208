"""Built-in data sets: some without a download, readers of files, a person's own or published, and shifts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.api import Dataset, hookimpl
from harness_datasets import built_in_options, options
from harness_datasets.published.items import published_sets, published_shifts
from harness_datasets.tables import options as table_options


@hookimpl
def harness_register_datasets() -> Iterator[Dataset]:
    """Yield the data sets without a download and the readers."""
    yield from embedded_sets()
    yield from scikit_image_sets()
    yield from made_sets()
    yield from own_files()
    yield from published_sets()
    yield from published_shifts()


def embedded_sets() -> Iterator[Dataset]:
    """Yield what scikit-learn embeds."""
    yield Dataset(
        name="digits",
        load="harness_datasets.digits:load",
        extent=(1_797, 64),
        outline="harness_datasets.digits:outline",
        options=built_in_options.DigitsOptions,
        summary="1,797 handwritten digits, 8 x 8 pixels",
        source="Alpaydin & Kaynak 1998 (UCI), embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="iris",
        load="harness_datasets.iris:load",
        extent=(150, 4),
        modality="table",
        summary="150 flowers of three species, 4 features; logistic regression reaches 95 to 97 %",
        source="Fisher 1936 (UCI, CC BY 4.0), embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="wine",
        load="harness_datasets.wine:load",
        extent=(178, 13),
        modality="table",
        summary="178 wines of three growers, 13 features; logistic regression reaches 97 to 99 %",
        source="Aeberhard & Forina 1992 (UCI, CC BY 4.0), embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="breast_cancer",
        load="harness_datasets.breast_cancer:load",
        extent=(569, 30),
        modality="table",
        summary="569 tumours, 30 features, benign or malignant",
        source="Street, Wolberg & Mangasarian 1993 (UCI), embedded in scikit-learn",
        distributions=("scikit-learn",),
    )
    yield Dataset(
        name="diabetes",
        load="harness_datasets.diabetes:load",
        extent=(442, 10),
        modality="table",
        problem="regression",
        summary="442 patients, 10 features, progression of the disease after a year",
        source="Efron, Hastie, Johnstone & Tibshirani 2004, embedded in scikit-learn",
        distributions=("scikit-learn",),
    )


def scikit_image_sets() -> Iterator[Dataset]:
    """Yield what scikit-image embeds."""
    yield Dataset(
        name="lfw_subset",
        load="harness_datasets.lfw_subset:load",
        extent=(200, 625),
        summary="100 faces and 100 pieces of background, 25 x 25 grey pixels; logistic regression reaches 96 %",
        source="Huang, Ramesh, Berg & Learned-Miller 2007, Labeled Faces in the Wild (for research), embedded in scikit-image",
        distributions=("scikit-image",),
    )
    yield Dataset(
        name="textures",
        load="harness_datasets.textures:load",
        extent="harness_datasets.extents:textures",
        options=built_in_options.TexturesOptions,
        summary="patches of brick, grass and gravel, 32 x 32; a linear model of binary patterns reaches 99 %",
        source="three photographs of CC0Textures and LinoLafett (CC0), embedded in scikit-image",
        distributions=("scikit-image",),
    )


def made_sets() -> Iterator[Dataset]:
    """Yield what is computed here, or read from Python's own files."""
    yield Dataset(
        name="random_images",
        load="harness_datasets.random_images:load",
        extent="harness_datasets.extents:random_images",
        options=built_in_options.RandomImagesOptions,
        summary="noise of any size, to time models on; there is nothing to learn",
        distributions=("numpy",),
    )
    yield Dataset(
        name="digits_on_textures",
        load="harness_datasets.digits_on_textures:load",
        extent="harness_datasets.extents:digits_on_textures",
        problem="segmentation",
        options=built_in_options.DigitsOnTexturesOptions,
        summary="32 x 32 grey pixels with one to three digits on a texture: the class of each pixel, or boxes",
        source="made here of Alpaydin & Kaynak 1998 (UCI, CC BY 4.0), embedded in scikit-learn",
        distributions=("numpy", "scikit-learn"),
    )
    yield Dataset(
        name="pydoc_topics",
        load="harness_datasets.pydoc_topics:load",
        extent="harness_datasets.extents:pydoc_topics",
        files="harness_datasets.pydoc_topics:find_files",
        modality="tokens",
        problem="next_token",
        options=built_in_options.PydocTopicsOptions,
        summary="English of Python's own help, byte by byte: which byte comes next",
        source="Python Software Foundation, pydoc_data.topics (PSF licence 2)",
    )
    yield Dataset(
        name="stdlib_source",
        load="harness_datasets.stdlib_source:load",
        extent="harness_datasets.extents:stdlib_source",
        files="harness_datasets.stdlib_source:find_files",
        modality="tokens",
        options=built_in_options.StdlibSourceOptions,
        summary="256 bytes of Python source: from which of ten packages of the standard library",
        source="Python Software Foundation, the standard library (PSF licence 2)",
    )
    yield Dataset(
        name="docstring_sentences",
        load="harness_datasets.docstring_sentences:load",
        extent=(3_883, 35),
        files="harness_datasets.docstring_sentences:find_files",
        modality="tokens",
        options=built_in_options.DocstringSentencesOptions,
        summary="a sentence of documentation: of which of eight packages of Python's standard library",
        source="Python Software Foundation, the standard library (PSF licence 2)",
        distributions=("numpy", "tokenizers"),
    )
    yield Dataset(
        name="tictactoe",
        load="harness_datasets.tictactoe:load",
        extent=(4_520, 9),
        modality="table",
        options=built_in_options.BoardOptions,
        summary="the 4,520 positions of tic-tac-toe that are not over: loss, draw or win for the player to move",
        source="minimax (von Neumann 1928), computed here; free of rights",
        distributions=("numpy",),
    )
    yield Dataset(
        name="connect_four_endgames",
        load="harness_datasets.connect_four_endgames:load",
        extent="harness_datasets.extents:connect_four_endgames",
        modality="table",
        options=built_in_options.ConnectFourOptions,
        summary="Connect Four with 4 to 10 empty fields: loss, draw or win for the player to move, or a best move",
        source="minimax (von Neumann 1928) of positions drawn here; free of rights",
        distributions=("numpy",),
    )
    yield Dataset(
        name="function",
        load="harness_datasets.function:load",
        extent="harness_datasets.extents:function",
        modality="table",
        problem="regression",
        options=built_in_options.FunctionOptions,
        summary="a function of one number, to be approximated",
        source="after Cybenko 1989, Hornik, Stinchcombe & White 1989; computed here, free of rights",
        distributions=("numpy",),
    )
    yield Dataset(
        name="step_table",
        load="harness_datasets.step_table:load",
        extent="harness_datasets.extents:step_table",
        modality="table",
        options=built_in_options.StepTableOptions,
        summary="two classes by steps of four columns among others that say nothing, rotated or not",
        source="after Grinsztajn, Oyallon & Varoquaux 2022, arXiv:2207.08815; computed here, free of rights",
        distributions=("numpy",),
    )
    yield Dataset(
        name="sequence_memory",
        load="harness_datasets.sequence_memory:load",
        extent="harness_datasets.extents:sequence_memory",
        modality="sequence",
        problem="regression",
        options=built_in_options.SequenceMemoryOptions,
        summary="two marked numbers of a sequence to add (1/6 without memory), or its first symbol to tell",
        source="Hochreiter & Schmidhuber 1997, as in Arjovsky, Shah & Bengio 2016; Bengio, Simard & Frasconi 1994; computed here, "
        "free of rights",
        distributions=("numpy",),
    )
    yield Dataset(
        name="brackets",
        load="harness_datasets.brackets:load",
        extent="harness_datasets.extents:brackets",
        modality="tokens",
        problem="sequence_labelling",
        options=built_in_options.BracketsOptions,
        summary="how many brackets are open after each step of a sequence, or whether they are odd",
        source="after Hewitt et al. 2020, arXiv:2010.07515; computed here, free of rights",
        distributions=("numpy",),
    )
    yield Dataset(
        name="written_dates",
        load="harness_datasets.written_dates:load",
        extent="harness_datasets.extents:written_dates",
        modality="tokens",
        problem="sequence_to_sequence",
        options=built_in_options.WrittenDatesOptions,
        summary="English dates in four styles, to be written as ISO 8601 does",
        source="ISO 8601:2004, section 4.1.2.2; drawn here, free of rights",
        distributions=("numpy",),
    )
    for name, options_of, summary in (
        (
            "sine_mix",
            built_in_options.SineMixOptions,
            "three sines and noise: how the next 12 steps go on",
        ),
        (
            "daily_series",
            built_in_options.DailySeriesOptions,
            "counts a day in five places over four years, with trend, week and year: the next 7 days",
        ),
    ):
        yield Dataset(
            name=name,
            load=f"harness_datasets.{name}:load",
            extent=f"harness_datasets.extents:{name}",
            modality="sequence",
            problem="forecast",
            options=options_of,
            summary=summary,
            source="computed here, free of rights",
            distributions=("numpy",),
        )


def own_files() -> Iterator[Dataset]:
    """Yield the readers of a person's own files."""
    yield Dataset(
        name="imagefolder",
        load="harness_datasets.imagefolder:load",
        extent="harness_datasets.extents:imagefolder",
        opens=("folder",),
        files="harness_datasets.imagefolder:find_files",
        preprocesses="harness_datasets.imagefolder:preprocesses",
        outline="harness_datasets.imagefolder:outline",
        options=options.ImageFolderOptions,
        summary="your own images, a folder for each class",
        distributions=("pillow",),
    )
    yield Dataset(
        name="webdataset",
        load="harness_datasets.webdataset:load",
        opens=(".tar", "folder of .tar", "folder/*.tar"),
        files="harness_datasets.webdataset:find_files",
        preprocesses="harness_datasets.webdataset:preprocesses",
        outline="harness_datasets.webdataset:outline",
        options=options.WebDatasetOptions,
        summary="your own images in shards: tar archives with NAME.jpg and NAME.cls",
        source="Aizman, Maltby & Breuel 2020, arXiv:2001.01858 (the format)",
        distributions=("pillow",),
    )
    yield Dataset(
        name="huggingface",
        load="harness_datasets.huggingface:load",
        opens=(
            "folder/state.json,dataset_info.json",
            "folder/dataset_dict.json",
            "folder of .parquet",
        ),
        files="harness_datasets.huggingface:find_files",
        preprocesses="harness_datasets.huggingface:preprocesses",
        settle="harness_datasets.huggingface:settle",
        outline="harness_datasets.huggingface:outline",
        options=options.HuggingFaceOptions,
        summary="a data set of Hugging Face in a folder of yours: images or texts and their classes",
        distributions=("numpy", "pillow", "pyarrow", "tokenizers"),
    )
    yield Dataset(
        name="maskfolder",
        load="harness_datasets.maskfolder:load",
        problem="segmentation",
        opens=("folder/images/,masks/",),
        files="harness_datasets.maskfolder:find_folder",
        options=options.MaskFolderOptions,
        summary="your own images and masks: images/NAME.jpg and masks/NAME.png, whose values are classes",
        distributions=("numpy", "pillow"),
    )
    yield Dataset(
        name="coco",
        load="harness_datasets.coco:load",
        problem="detection",
        opens=(".json", "folder/annotations/", "folder/*.json"),
        files="harness_datasets.coco:find_files",
        options=options.CocoOptions,
        summary="your own images and boxes in COCO's JSON",
        source="Lin et al. 2014, arXiv:1405.0312",
        distributions=("numpy", "pillow"),
    )
    yield Dataset(
        name="voc",
        load="harness_datasets.voc:load",
        problem="detection",
        opens=("folder/Annotations/",),
        files="harness_datasets.maskfolder:find_folder",
        options=options.VocOptions,
        summary="your own images and boxes in the XML of Pascal VOC",
        source="Everingham et al. 2010, IJCV 88:303",
        distributions=("numpy", "pillow"),
    )
    yield Dataset(
        name="npz",
        load="harness_datasets.npz:load",
        opens=(".npz", "folder/x_train.npy", "folder/inputs.npy"),
        files="harness_datasets.npz:find_files",
        outline="harness_datasets.npz:outline",
        options=options.NpzOptions,
        summary="your own arrays, in a file of numpy or a folder of .npy files",
        distributions=("numpy",),
    )
    table = Dataset(
        name="table",
        load="harness_datasets.table:load",
        extent="harness_datasets.extents:table",
        opens=(".csv", ".tsv", ".parquet", ".jsonl"),
        modality="table",
        files="harness_datasets.paths:find_file",
        settle="harness_datasets.table:settle",
        check="harness_datasets.table:check",
        outline="harness_datasets.table:outline",
        options=table_options.TableOptions,
        summary="your own table, a row for each example",
        distributions=("numpy", "pyarrow", "tokenizers"),
    )
    yield table
    yield _text()
    yield Dataset(
        name="time_series",
        load="harness_datasets.time_series:load",
        opens=(".csv", ".tsv", ".parquet", ".jsonl"),
        modality="sequence",
        problem="forecast",
        files="harness_datasets.paths:find_file",
        check="harness_datasets.time_series:check",
        options=table_options.TimeSeriesOptions,
        summary="your own time series, in a table: a column for each, or a row for each series and time",
        distributions=("numpy", "pyarrow"),
    )
    yield Dataset(
        name="text_pairs",
        load="harness_datasets.text_pairs:load",
        opens=(".csv", ".tsv", ".parquet", ".jsonl"),
        modality="tokens",
        problem="sequence_to_sequence",
        files="harness_datasets.paths:find_file",
        check="harness_datasets.text_pairs:check",
        options=table_options.TextPairsOptions,
        summary="your own texts that answer others, in two columns of a table",
        source="the task of Sutskever, Vinyals & Le 2014, arXiv:1409.3215",
        distributions=("numpy", "pyarrow", "tokenizers"),
    )
    yield replace(table, name="csv", opens=(), summary="`table`, by the name that it had before")


def _text() -> Dataset:
    return Dataset(
        name="textfolder",
        load="harness_datasets.textfolder:load",
        opens=(".txt", "folder of .txt"),
        modality="tokens",
        files="harness_datasets.textfolder:find_files",
        settle="harness_datasets.textfolder:settle",
        outline="harness_datasets.textfolder:outline",
        options=options.TextFolderOptions,
        summary="your own texts: a folder for each class, or files of which the next byte is told",
        distributions=("numpy", "tokenizers"),
    )
