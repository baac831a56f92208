"""Built-in modalities: what an example is, and how models that want another one are given it."""

from collections.abc import Iterator

from harness.api import ExampleSort, Modality, ReadAs, TextCode, hookimpl

GROUPS = ("real-valued",)  # between any two values there are others, so that a step can be taken

THINGS = ("", "\ufffd", *" abefghinorstx")
WORDS = (
    *("", "\ufffd", "good", "fine", "bad", "poor", "big", "large"),
    *("error", "fault", "fast", "quick", "find", "locate", "show", "display"),
)


def _texts(by: str, things: tuple[str, ...], length: int) -> ExampleSort:
    text = TextCode(by=by, things=things, padding=0, unknown=1)
    return ExampleSort((length,), 0.0, 15.0, (("text", text),))


TEXTS = (_texts("characters", THINGS, 40), _texts("words", WORDS, 7))


@hookimpl
def harness_register_modalities() -> Iterator[Modality]:
    """Yield the modalities; an image is what is meant where nothing is said."""
    yield Modality(
        name="image",
        summary="(channels, height, width), pixels from black to white",
        default=True,
        groups=GROUPS,
        axes=("channels", "height", "width"),
        feature_axis=0,
        feature_word="channel",
        fixed_range=True,
        resizable=True,
        reads_as=(
            ReadAs(
                modality="sequence",
                shape="harness_modalities.image:row_shape",
                layer="harness_modalities.image:RowsAsSequence",
                words="(of rows)",
            ),
            ReadAs(
                modality="table",
                shape="harness_modalities.flat:shape",
                layer="harness_modalities.flat:layer",
                words="(flat)",
            ),
        ),
        layers="harness_modalities.image:layers",
        shapes="harness_modalities.image:shapes",
        sizes="harness_modalities.image:sizes",
        describe="harness_modalities.image:describe",
        checked_on=(ExampleSort((1, 8, 8)), ExampleSort((3, 32, 32))),
    )
    yield Modality(
        name="sequence",
        summary="(time, features), steps of real numbers",
        groups=GROUPS,
        axes=("time", "features"),
        reads_as=(
            ReadAs(
                modality="table",
                shape="harness_modalities.flat:shape",
                layer="harness_modalities.flat:layer",
                words="(flat)",
            ),
        ),
        sizes="harness_modalities.sequence:sizes",
        describe="harness_modalities.sequence:describe",
        checked_on=(ExampleSort((8, 3), -1.0, 1.0),),
    )
    yield Modality(
        name="tokens",
        summary="(time,), numbers of things of a vocabulary, such as the bytes of a text",
        axes=("time",),
        input_type="int64",
        reads_as=(
            ReadAs(
                modality="sequence",
                shape="harness_modalities.tokens:embedded_shape",
                layer="harness_modalities.tokens:embedding",
                words="(embedded)",
            ),
            ReadAs(
                modality="table",
                shape="harness_modalities.tokens:bag_shape",
                layer="harness_modalities.tokens:bag",
                words="(shares of each)",
            ),
        ),
        sizes="harness_modalities.tokens:sizes",
        describe="harness_modalities.tokens:describe",
        checked_on=(ExampleSort((8,), 0.0, 15.0), *TEXTS),
    )
    yield Modality(
        name="table",
        summary="(features,), a row of columns, each with a unit of its own",
        groups=GROUPS,
        axes=("features",),
        columns=True,
        sizes="harness_modalities.table:sizes",
        describe="harness_modalities.table:describe",
        checked_on=(ExampleSort((6,), -2.0, 5.0),),
    )
