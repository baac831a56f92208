"""Images under shifts: which picture and which answer stand where."""

import io
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from measure_cases import image_examples, image_task
from PIL import Image

from harness.catalogue.gallery_file import FILE, parse_gallery
from harness_quality.evaluate import Regressed
from harness_quality.shift_gallery import shift_sheets


def test_a_row_is_a_shift_and_a_column_a_severity_of_the_first_examples(
    measure_images, classifier, tmp_path
):
    given = {"shifts": ("jitter", "darken"), "severities": (5, 1), "gallery": 2}
    measure_images("shift", **given)
    sheets = parse_gallery(json.loads((tmp_path / FILE).read_text()), tmp_path)
    examples = image_examples()
    first = examples.ids.argsort()[:2]
    assert [sheet.count for sheet in sheets] == ["2 shifts at 2 severities"] * 2
    for sheet, at in zip(sheets, first, strict=True):
        assert sheet.title.endswith(f"of class {int(examples.targets[at])}")
        assert [one.caption for one in sheet.examples] == ["jitter", "darken"]
        assert [pane.title for pane in sheet.examples[1].panes] == [
            *("clean", "severity 1", "severity 5"),
        ]
        png = np.asarray(Image.open(io.BytesIO(sheet.picture.png())))
        across, down = (
            sheet.picture.width + sheet.picture.gap,
            sheet.picture.height + sheet.picture.gap,
        )
        times = sheet.picture.width // 6
        for column, severity in enumerate((0, 1, 5)):
            part = png[down:, column * across :][: 6 * times : times, : 6 * times : times]
            darker = examples.inputs[at, 0] * (1 - 0.15 * severity)
            assert np.array_equal(part, (255 * darker).round().numpy().astype(np.uint8))
            if severity:
                with torch.no_grad():
                    logits = classifier(darker[None, None])[0]
                pane = sheet.examples[1].panes[column]
                assert pane.name == str(int(logits.argmax()))
                assert pane.words == f"{100 * float(logits.softmax(0).max()):.1f} %"


def test_a_shift_that_is_left_out_at_one_severity_has_no_row():
    inputs = image_examples().inputs[:1]
    answer = Regressed(np.arange(1), np.ones(1), np.ones(1), np.ones(1, bool))
    shifted = dict.fromkeys([("a", 1), ("b", 1), ("b", 5)], inputs)
    context: Any = SimpleNamespace(task=image_task())
    (sheet,) = shift_sheets(context, inputs, [0.0], shifted, dict.fromkeys(shifted, answer))
    assert [one.caption for one in sheet.examples] == ["b"]
    apart = {("a", 1): inputs, ("b", 5): inputs}
    assert not list(shift_sheets(context, inputs, [0.0], apart, dict.fromkeys(apart, answer)))


def test_tables_and_a_gallery_of_none_have_no_pictures(measure_tables, measure_images, tmp_path):
    measure_tables("shift", shifts=("darken",), severities=(1,))
    measure_images("shift", shifts=("darken",), severities=(1,), gallery=0)
    assert not (tmp_path / FILE).exists()
