"""What the package registers, and that listing it stays light."""

from __future__ import annotations

import subprocess
import sys

import harness_architectures
from harness.api import Architecture
from harness.api.measuring import resolve


def test_items() -> None:
    items = list(harness_architectures.harness_register_architectures())
    assert all(isinstance(item, Architecture) for item in items)
    assert [item.name for item in items] == [
        "linear", "mlp", "lenet", "alexnet", "vgg", "resnet", "googlenet", "densenet", "mobilenet", "efficientnet", "convnext", "vit",
        "mixer", "unet", "fcos", "rnn", "lstm", "gru", "tcn", "transformer", "dlinear", "gpt", "encoder-decoder", "timm/", "torchvision/",
    ]  # fmt: skip
    for item in items:
        for reference in (item.build, item.wants, item.pretrained, item.members):
            assert reference is None or callable(resolve(reference))
        assert item.summary and item.source and item.options is not None
        assert item.is_family == (item.members is not None)


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys, harness_architectures as a, harness_datasets as d, harness_training as t\n"
        "list(a.harness_register_architectures()), list(d.harness_register_datasets())\n"
        "list(t.harness_register_optimizers()), list(t.harness_register_schedules())\n"
        "list(t.harness_register_augmentations()), list(t.harness_register_objectives())\n"
        "import harness_architectures.published\n"
        "heavy = {'torch', 'pandas', 'numpy', 'sklearn', 'timm', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
