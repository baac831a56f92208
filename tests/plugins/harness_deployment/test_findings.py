"""What surely changed: which is the mistaken one, and that a mistake hurts is no news."""

from harness_deployment.findings import find_surely_changed


def test_what_is_surely_better_or_worse_is_told_in_one_sentence_each():
    better, worse = find_surely_changed(
        {
            "resize-area": (0.10, 0.02, 0.18),
            "resize-bilinear": (0.20, 0.12, 0.28),
            "jpeg": (-0.01, -0.03, 0.01),
            "int8-static": (-0.30, -0.4, -0.2),
            "unscaled": (-0.8, -0.9, -0.7),
        }
    )
    assert better.code == "reference-mistaken" and better.flag
    assert (
        "resize-bilinear +20.0 points [+12.0, +28.0], resize-area +10.0 points" in better.sentence
    )
    assert worse.code == "deployment-drift" and not worse.flag
    assert "int8-static -30.0 points [-40.0, -20.0]." in worse.sentence
    assert list(worse.numbers) == ["int8-static"]


def test_a_better_execution_is_no_mistake_of_the_reference():
    assert not list(find_surely_changed({"bf16": (0.02, 0.01, 0.03)}))
    (finding,) = find_surely_changed({"swapped-channels": (0.5, 0.4, 0.6)})
    assert finding.flag == "the model does better with a mistake"
