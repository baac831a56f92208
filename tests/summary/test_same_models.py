"""Models whose options make no difference are told, and only these."""

from made_rows import job_row

from harness.store.run_data import JobRow
from harness.summary.same_models import find_same_models


def fit(name: str, digest: str, seed: int = 0, epochs: int = 3, **axes) -> JobRow:
    return job_row(
        "fit",
        fingerprint=f"{name} {seed}",
        axes={"architecture": name, "dataset": "digits", "recipe": "plain", "seed": seed, **axes},
        spec={"architecture": {"name": name.partition(":width")[0]}},
        notes={"epochs": epochs, "weights_digest": digest},
    )


def told(*jobs: JobRow) -> list[tuple[str, str, tuple[int, ...]]]:
    found = find_same_models(jobs, lambda job: str(job.axes["architecture"]))
    return [(one.series, one.sentence, one.seeds) for one in found]


def test_two_names_of_one_model():
    jobs = [fit(f"m:Net:width={w}", f"of {seed}", seed) for w in (4, 64) for seed in (0, 1)]
    words = "It is m:Net:width=4, bit for bit after training: their options make no difference."
    assert told(*jobs) == [("m:Net:width=64", words, (0, 1))]


def test_models_that_differ_in_a_seed_are_two():
    assert not told(
        fit("m:Net:width=4", "a"), fit("m:Net:width=4", "b", 1),
        fit("m:Net:width=64", "a"), fit("m:Net:width=64", "c", 1),
    )  # fmt: skip


def test_what_was_not_trained_or_is_elsewhere_tells_nothing():
    assert not told(fit("m:Net:width=4", "a", epochs=0), fit("m:Net:width=64", "a", epochs=0))
    assert not told(fit("m:Net:width=4", "a"), fit("m:Net:width=64", "a", recipe="other"))
    assert not told(fit("m:Net:width=4", "a"), fit("m:Other:width=64", "a"))
