"""Built-in architectures: small ones, and all that timm and torchvision list."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import Architecture, hookimpl
from harness_architectures import options, sequence_options
from harness_architectures.image_items import networks_for_images

STEPWISE = ("example", "step", "prefix")  # what networks can answer for that read step by step


@hookimpl
def harness_register_architectures() -> Iterator[Architecture]:
    """Yield the small architectures and the two families."""
    yield Architecture(
        name="linear",
        build="harness_architectures.linear:build",
        takes=("table",),
        options=options.LinearOptions,
        summary="one linear layer: softmax regression, or linear regression",
        source="Cox 1958",
    )
    yield Architecture(
        name="mlp",
        build="harness_architectures.mlp:build",
        takes=("table",),
        options=options.MlpOptions,
        summary="multilayer perceptron",
        source="Rumelhart, Hinton & Williams 1986",
    )
    yield from networks_for_images()
    yield Architecture(
        name="unet",
        build="harness_architectures.unet:build",
        takes=("image",),
        answers_each=("pixel",),
        options=options.UnetOptions,
        summary="small U-Net: a class for each pixel of an image",
        source="Ronneberger, Fischer & Brox 2015",
    )
    yield Architecture(
        name="fcos",
        build="harness_architectures.fcos:build",
        takes=("image",),
        answers_each=("box",),
        options=options.FcosOptions,
        summary="small detector in one stage and without anchors: boxes and their classes",
        source="Tian, Shen, Chen & He 2019, arXiv:1904.01355",
    )
    yield Architecture(
        name="rnn",
        build="harness_architectures.recurrent:build_rnn",
        takes=("sequence",),
        answers_each=STEPWISE,
        options=sequence_options.RnnOptions,
        summary="simple recurrent network",
        source="Elman 1990",
    )
    yield Architecture(
        name="lstm",
        build="harness_architectures.recurrent:build_lstm",
        takes=("sequence",),
        answers_each=STEPWISE,
        options=sequence_options.LstmOptions,
        summary="long short-term memory",
        source="Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
    )
    yield Architecture(
        name="gru",
        build="harness_architectures.recurrent:build_gru",
        takes=("sequence",),
        answers_each=STEPWISE,
        options=sequence_options.GruOptions,
        summary="gated recurrent network; reads an image row by row",
        source="Cho et al. 2014",
    )
    yield Architecture(
        name="tcn",
        build="harness_architectures.tcn:build",
        takes=("sequence",),
        answers_each=STEPWISE,
        options=sequence_options.TcnOptions,
        summary="temporal convolutional network: dilated causal convolutions",
        source="Bai, Kolter & Koltun 2018, arXiv:1803.01271",
    )
    yield Architecture(
        name="transformer",
        build="harness_architectures.encoder:build",
        takes=("sequence", "tokens"),
        answers_each=("example", "step"),
        options=sequence_options.TransformerOptions,
        summary="transformer encoder: every step attends to all others",
        source="Vaswani et al. 2017, arXiv:1706.03762",
    )
    yield Architecture(
        name="dlinear",
        build="harness_architectures.dlinear:build",
        takes=("sequence",),
        options=options.DlinearOptions,
        summary="a moving average and the rest, a linear layer for each; for series",
        source="Zeng, Chen, Zhang & Xu 2023, arXiv:2205.13504",
    )
    yield Architecture(
        name="gpt",
        build="harness_architectures.gpt:build",
        takes=("tokens",),
        answers_each=("prefix", "step", "example"),
        options=sequence_options.GptOptions,
        summary="small causal transformer of tokens",
        source="Radford et al. 2019",
    )
    yield Architecture(
        name="encoder-decoder",
        build="harness_architectures.encoder_decoder:build",
        takes=("tokens",),
        answers_each=("prefix",),
        options=sequence_options.EncoderDecoderOptions,
        summary="transformer that reads a source whole and writes a target token by token",
        source="Vaswani et al. 2017, arXiv:1706.03762",
    )
    yield Architecture(
        name="timm/",
        build="harness_architectures.timm_family:build",
        takes=("image",),
        wants="harness_architectures.timm_family:wants",
        pretrained="harness_architectures.published:check_timm",
        preprocessing="harness_architectures.preprocessing:of_timm",
        members="harness_architectures.timm_family:list_members",
        options=options.TimmOptions,
        distributions=("timm", "torch", "torchvision"),
        summary="all image models of timm",
        source="Wightman 2019, PyTorch Image Models",
    )
    yield Architecture(
        name="torchvision/",
        build="harness_architectures.torchvision_family:build",
        takes=("image",),
        wants="harness_architectures.torchvision_family:wants",
        pretrained="harness_architectures.published:check_torchvision",
        preprocessing="harness_architectures.preprocessing:of_torchvision",
        members="harness_architectures.torchvision_family:list_members",
        options=options.TorchvisionOptions,
        distributions=("torchvision", "torch"),
        summary="all classification models of torchvision",
        source="TorchVision maintainers 2016",
    )
