"""What a measure leaves out is kept with its reason, and told; other warnings are not."""

import warnings

import pytest

from harness.catalogue.left_out import FILE, LeftOut, keeping_left_out, read_left_out


def test_reasons_are_kept_once_each_and_shown_as_warnings_are(tmp_path):
    with warnings.catch_warnings(record=True) as shown, keeping_left_out(tmp_path):
        for words in ("shift hue is left out: grey", "shift hue is left out: grey", "fp16: none."):
            warnings.warn(words, LeftOut, stacklevel=1)
    assert len(shown) == 3
    first, second = read_left_out(tmp_path)
    assert first.sentence == "Shift hue is left out: grey." and not first.flag
    assert second.sentence == "Fp16: none."


def test_nothing_left_out_leaves_no_file_and_other_warnings_stay_what_they_are(tmp_path):
    with keeping_left_out(tmp_path), pytest.raises(UserWarning, match="deprecated"):
        warnings.warn("deprecated", UserWarning, stacklevel=1)
    assert not (tmp_path / FILE).exists() and read_left_out(tmp_path) == ()
    assert read_left_out(None) == ()


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '[""]'])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises((ValueError, TypeError)):
        read_left_out(tmp_path)
