"""The 15 corruptions over which ImageNet-C takes its means, and AlexNet's published errors; imports nothing heavy."""

from __future__ import annotations

SEVERITIES = (1, 2, 3, 4, 5)
# AlexNet's error under each, the mean over the severities: `ALEXNET_ERR` of google-research/augmix (Apache-2.0),
# by one of the authors of ImageNet-C. The four extra corruptions are in no mean.
ALEXNET = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
# Of the weights that the authors took (alexnet-owt), as torchvision documents them: 56.522 % are right.
ALEXNET_CLEAN = 0.43478
ALEXNET_CLASSES = 1000
ALEXNET_JPEG = 85  # the quality of the files that these errors are of
CORRUPTIONS = tuple(ALEXNET)


def corruption_pairs(jpeg: int | None = None) -> list[tuple[str, int]]:
    """Return the 75 pairs of a corruption and a severity, the corruptions in their published order.

    jpeg: quality in which the corrupted images are saved once more; None: they are not.
    """
    saved = "" if jpeg is None else f":jpeg={jpeg}"
    return [(shift + saved, severity) for shift in CORRUPTIONS for severity in SEVERITIES]
