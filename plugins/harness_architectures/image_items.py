"""The networks for images that are registered, from LeNet on, with the sizes that are published of them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import Architecture
from harness_architectures import image_options, options


def networks_for_images() -> Iterator[Architecture]:
    """Yield those that tell of an image what it shows."""
    yield Architecture(
        name="lenet",
        build="harness_architectures.lenet:build",
        takes=("image",),
        wants="harness_architectures.lenet:wants",
        options=options.LenetOptions,
        summary="two convolutions and three linear layers",
        source="LeCun, Bottou, Bengio & Haffner 1998",
    )
    yield Architecture(
        name="alexnet",
        build="harness_architectures.alexnet:build",
        takes=("image",),
        options=image_options.AlexnetOptions,
        sizes={"width=64": 61_100_840},
        checked_with={"width": 2},
        summary="five convolutions and three linear layers, under dropout",
        source="Krizhevsky, Sutskever & Hinton 2012; Krizhevsky 2014",
    )
    yield Architecture(
        name="vgg",
        build="harness_architectures.vgg:build",
        takes=("image",),
        options=image_options.VggOptions,
        sizes={
            "depth=11,normalisation=none": 132_863_336,
            "depth=13,normalisation=none": 133_047_848,
            "depth=16,normalisation=none": 138_357_544,
            "depth=19,normalisation=none": 143_667_240,
            "depth=16": 138_365_992,
        },
        checked_with={"width": 2},
        summary="3 x 3 convolutions in five stages, 11 to 19 layers",
        source="Simonyan & Zisserman 2015",
    )
    yield Architecture(
        name="resnet",
        build="harness_architectures.resnet:build",
        takes=("image",),
        options=options.ResnetOptions,
        sizes={
            "depth=18": 11_689_512,
            "depth=34": 21_797_672,
            "depth=50": 25_557_032,
            "depth=101": 44_549_160,
            "depth=152": 60_192_808,
        },
        summary="residual network: a small one for small images, or of 18 to 152 layers",
        source="He, Zhang, Ren & Sun 2016",
    )
    yield Architecture(
        name="googlenet",
        build="harness_architectures.googlenet:build",
        takes=("image",),
        options=image_options.GooglenetOptions,
        sizes={"width=64": 6_624_904},
        checked_with={"width": 2},
        summary="inception modules: branches of several kernels side by side",
        source="Szegedy et al. 2015",
    )
    yield Architecture(
        name="densenet",
        build="harness_architectures.densenet:build",
        takes=("image",),
        options=image_options.DensenetOptions,
        sizes={"depth=121": 7_978_856, "depth=169": 14_149_480, "depth=201": 20_013_928},
        checked_with={"growth": 2, "layers": 2},
        summary="each layer reads all layers before it",
        source="Huang, Liu, van der Maaten & Weinberger 2017",
    )
    yield Architecture(
        name="mobilenet",
        build="harness_architectures.mobilenet:build",
        takes=("image",),
        options=image_options.MobilenetOptions,
        sizes={"width=1,depth=1": 3_504_872},
        checked_with={"width": 0.05, "depth": 0.05},
        summary="inverted residuals with convolutions by channel (MobileNetV2)",
        source="Sandler, Howard, Zhu, Zhmoginov & Chen 2018",
    )
    yield Architecture(
        name="efficientnet",
        build="harness_architectures.efficientnet:build",
        takes=("image",),
        options=image_options.EfficientnetOptions,
        sizes={
            "phi=0": 5_288_548,
            "phi=1": 7_794_184,
            "phi=2": 9_109_994,
            "phi=3": 12_233_232,
            "phi=4": 19_341_616,
            "phi=5": 30_389_784,
            "phi=6": 43_040_704,
            "phi=7": 66_347_960,
        },
        checked_with={"phi": -20},
        summary="inverted residuals with squeeze-and-excitation, scaled by phi",
        source="Tan & Le 2019",
    )
    yield Architecture(
        name="convnext",
        build="harness_architectures.convnext:build",
        takes=("image",),
        options=image_options.ConvnextOptions,
        sizes={
            "size=tiny": 28_589_128,
            "size=small": 50_223_688,
            "size=base": 88_591_464,
            "size=large": 197_767_336,
        },
        checked_with={"width": 4, "stages": 2},
        summary="7 x 7 convolutions by channel and linear layers, after transformers",
        source="Liu, Mao, Wu, Feichtenhofer, Darrell & Xie 2022",
    )
    yield Architecture(
        name="vit",
        build="harness_architectures.vit:build",
        takes=("image",),
        wants="harness_architectures.vit:wants",
        options=options.VitOptions,
        sizes={
            "dim=384,depth=12,heads=6,mlp_ratio=4,patch=16,pool=class": 22_050_664,
            "dim=768,depth=12,heads=12,mlp_ratio=4,patch=16,pool=class": 86_567_656,
        },
        summary="vision transformer, small by default",
        source="Dosovitskiy et al. 2021",
    )
    yield Architecture(
        name="mixer",
        build="harness_architectures.mixer:build",
        takes=("image",),
        wants="harness_architectures.mixer:wants",
        options=image_options.MixerOptions,
        sizes={
            "dim=512,depth=8,patch=16,mlp_ratio=4": 18_528_264,
            "dim=768,depth=12,patch=16,mlp_ratio=4": 59_880_472,
        },
        checked_with={"dim": 8, "depth": 1},
        summary="MLPs over patches and over channels, in turns",
        source="Tolstikhin et al. 2021",
    )
