#!/usr/bin/env bash
# torchmetrics 1.9.0 (torch 2.13.0, Python 3.11, Linux x86-64): MeanAveragePrecision(backend="pycocotools") does not give
# pycocotools' figures. Its 101 recall thresholds are torch.linspace(0, 1, 101) in float32, whose 0.6 is
# 0.60000002...: a recall of exactly 3/5 does not reach it, so one of the 101 points falls away that COCO's own
# numpy.linspace counts. Recalls k/n on the grid are the rule where an image set has few objects of a class (and of
# the sizes small, medium and large). With the thresholds given as float64 the two agree to the last bit.
#
# Seen: five objects, the first three found, then a false one. By hand, 61 of the 101 points have precision 1. pycocotools:
# 0.60396 (61/101); torchmetrics: 0.59406 (60/101), and 0.60396 with rec_thresholds=numpy.linspace(0, 1, 101).
# Fails (exit 1) where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 torchvision==0.28.0 torchmetrics==1.9.0 pycocotools==2.0.11 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

import numpy as np
import torch

try:
    import torchvision  # noqa: F401 - torchmetrics needs it
except RuntimeError:  # a torch for CPUs alone beside a torchvision for CUDA: its compiled operators are missing, and are not used here
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision

print({name: version(name) for name in ("torch", "torchmetrics", "pycocotools")})
objects = [[10.0 + 100 * number, 10.0, 50.0 + 100 * number, 50.0] for number in range(5)]
answers = [*objects[:3], [10.0, 200.0, 50.0, 240.0]]
scores = [0.9, 0.8, 0.7, 0.6]


def by_torchmetrics(**options):
    metric = MeanAveragePrecision(backend="pycocotools", **options)
    none = torch.zeros(4, dtype=torch.int64)
    found = {"boxes": torch.tensor(answers), "scores": torch.tensor(scores), "labels": none}
    metric.update([found], [{"boxes": torch.tensor(objects), "labels": none.new_zeros(5)}])
    return float(metric.compute()["map"])


def by_pycocotools():
    def boxes(rows):
        return [[left, top, right - left, bottom - top] for left, top, right, bottom in rows]

    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "height": 500, "width": 500}],
        "categories": [{"id": 0}],
        "annotations": [
            {"id": 1 + n, "image_id": 1, "category_id": 0, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for n, box in enumerate(boxes(objects))
        ],
    }
    truth.createIndex()
    found = truth.loadRes(
        [
            {"image_id": 1, "category_id": 0, "bbox": box, "score": score}
            for box, score in zip(boxes(answers), scores, strict=True)
        ]
    )
    judged = COCOeval(truth, found, "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    return float(judged.stats[0])


with contextlib.redirect_stdout(io.StringIO()):
    theirs, wrapped = by_pycocotools(), by_torchmetrics()
    mended = by_torchmetrics(rec_thresholds=np.linspace(0, 1, 101).tolist())
print(f"pycocotools {theirs:.5f}, torchmetrics {wrapped:.5f}, with float64 recalls {mended:.5f}")
as_seen = abs(theirs - 61 / 101) < 1e-6 and abs(mended - 61 / 101) < 1e-6 and abs(wrapped - 60 / 101) < 1e-6
sys.exit(0 if as_seen else 1)
PYTHON
