"""The data sets that are registered as readers of published files."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import Dataset
from harness_datasets.published import options


def published_sets() -> Iterator[Dataset]:
    """Yield the readers of data sets in the files in which they are published, of a folder that a person has downloaded."""
    idx, cifar = "harness_datasets.published.idx", "harness_datasets.published.cifar_batches"
    yield Dataset(
        name="idx",
        load=f"{idx}:load",
        opens=("folder/*train*images*idx3*",),
        files=f"{idx}:find_files",
        outline=f"{idx}:outline",
        options=options.IdxOptions,
        summary="images as MNIST has them: IDX files, packed by gzip or not (Fashion-MNIST, KMNIST)",
        source="LeCun, Cortes & Burges 1998 (the format); each set has a licence of its own",
        distributions=("numpy",),
    )
    yield Dataset(
        name="cifar10",
        load=f"{cifar}:load_ten",
        extent=(60_000, 3_072),
        opens=("folder/data_batch_1",),
        files=f"{cifar}:files_of_ten",
        outline=f"{cifar}:outline_ten",
        options=options.Cifar10Options,
        summary="CIFAR-10: the folder cifar-10-batches-py, or your own images in its files",
        source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        distributions=("numpy",),
    )
    yield Dataset(
        name="cifar100",
        load=f"{cifar}:load_hundred",
        extent=(60_000, 3_072),
        opens=("folder/train,meta",),
        files=f"{cifar}:files_of_hundred",
        outline=f"{cifar}:outline_hundred",
        options=options.Cifar100Options,
        summary="CIFAR-100: the folder cifar-100-python, 100 classes or 20 groups of them",
        source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
        distributions=("numpy",),
    )


def published_shifts() -> Iterator[Dataset]:
    """Yield the data sets that are shifts of others, of files that a person has downloaded."""
    cifar, trees = "harness_datasets.published.cifar", "harness_datasets.published.image_tree"
    yield Dataset(
        name="cifar10_c",
        shift_of="cifar10",
        load=f"{cifar}:load_corrupted",
        files=f"{cifar}:corrupted_files",
        outline=f"{cifar}:outline_corrupted",
        options=options.Cifar10COptions,
        summary="CIFAR-10-C: .npy files of 19 corruptions, five severities each",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        distributions=("numpy",),
    )
    yield Dataset(
        name="cifar10_1",
        shift_of="cifar10",
        load=f"{cifar}:load_anew",
        files=f"{cifar}:anew_files",
        outline=f"{cifar}:outline_anew",
        options=options.Cifar101Options,
        summary="CIFAR-10.1: 2,000 images that were collected as those of CIFAR-10",
        source="Recht, Roelofs, Schmidt & Shankar 2018, arXiv:1806.00451",
        distributions=("numpy",),
    )
    mnist = "harness_datasets.published.mnist_c"
    yield Dataset(
        name="mnist_c",
        shift_of="mnist",
        load=f"{mnist}:load",
        files=f"{mnist}:find_files",
        outline=f"{mnist}:outline",
        options=options.MnistCOptions,
        summary="MNIST-C: a folder of .npy files for each of 15 corruptions",
        source="Mu & Gilmer 2019, arXiv:1906.02337",
        distributions=("numpy",),
    )
    yield Dataset(
        name="imagenet_c",
        shift_of="imagenet",
        load=f"{trees}:load_corrupted",
        files=f"{trees}:corrupted_files",
        outline=f"{trees}:outline_corrupted",
        options=options.ImageNetCOptions,
        summary="ImageNet-C: folders of corruptions, severities and classes",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        distributions=("pillow", "timm"),
    )
    yield Dataset(
        name="shifted_folder",
        shift_of="imagenet, or data of yours",
        load=f"{trees}:load_folder",
        files=f"{trees}:folder_files",
        outline=f"{trees}:outline_folder",
        options=options.ShiftedFolderOptions,
        summary="images in folders of classes of other data: ImageNet-A, -R, -V2, -Sketch, ObjectNet, your own",
        source="Hendrycks et al. 2021, arXiv:1907.07174, 2006.16241; Recht et al. 2019, arXiv:1902.10811; Wang et al. "
        "2019, arXiv:1905.13549; Barbu et al. 2019 (ObjectNet)",
        distributions=("pillow", "timm"),
    )
