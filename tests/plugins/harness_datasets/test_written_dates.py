"""`written_dates`: targets are what `strptime` reads in the sources."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from harness_datasets.built_in_options import DATE_STYLES, WrittenDatesOptions
from harness_datasets.written_dates import ALPHABET, FILL, START, in_words, load
from harness_problems import sequence_to_sequence as problem

FORMATS = ("%d %B %Y", "%B %d, %Y", "%A, %d %B %Y", "%dth of %B %Y")


def read(source: str) -> date:
    plain = source.replace("st of", "th of").replace("nd of", "th of").replace("rd of", "th of")
    for form in FORMATS:
        try:
            return datetime.strptime(plain, form).date()
        except ValueError:
            continue
    raise AssertionError(source)


def test_a_target_is_the_date_of_its_source_and_the_inputs_lag_it_by_one():
    data = load(WrittenDatesOptions(first=1900, last=1950, examples=300))
    inputs, source = np.asarray(data.inputs), data.details["source_steps"]
    assert inputs.shape == data.targets.shape == (300, source + 10)
    assert (data.targets[:, :source] == problem.IGNORE).all()
    texts = ["".join(ALPHABET[token] for token in row) for row in inputs]
    wanted = ["".join(ALPHABET[token] for token in row[source:]) for row in data.targets]
    years = set()
    for text, target in zip(texts, wanted, strict=True):
        found = read(text[:source].rstrip(FILL))
        assert target == found.isoformat() and text[source:] == START + target[:-1]
        years.add(found.year)
    assert min(years) >= 1900 and max(years) <= 1950 and len(years) > 40
    assert len(set(texts)) == 300
    assert problem.check(data.targets, data).dtype == np.int64


def test_the_styles():
    day, teen = date(1998, 3, 21), date(1998, 3, 12)
    assert [in_words(day, style) for style in DATE_STYLES] == [
        "21 March 1998",
        "March 21, 1998",
        "Saturday, 21 March 1998",
        "21st of March 1998",
    ]
    assert in_words(teen, DATE_STYLES[3]) == "12th of March 1998"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"first": 2000, "last": 1999}, "last=1999 is before first=2000"),
        ({"first": 2000, "last": 2000, "examples": 1465}, "2000 to 2000 have 1464"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, words):
    with pytest.raises(ValidationError, match=words):
        WrittenDatesOptions(**options)
