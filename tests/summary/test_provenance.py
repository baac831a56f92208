"""Where a run's figures come from: its suite and how each model was trained."""

import tomllib


def test_the_suite_and_the_trainings_of_a_run(small_run, small_suite):
    found = small_run.summary.provenance
    read = tomllib.loads(found.suite_text)
    assert read["recipes"] == small_suite["recipes"] and read["measure"] == small_suite["measure"]
    (mlp,) = [one for one in found.trainings if (one.series, one.dataset) == ("mlp", "digits")]
    facts = dict(mlp.facts)
    assert facts["epochs"] == "4" and facts["learning rate"] == "0.01"
    assert facts["optimizer"].startswith("adamw") and facts["weights"] == "random"
    assert facts["objective"].startswith("cross-entropy") and all(facts.values())
    html = small_run.report("html")
    assert "How each model was trained" in html and "learning rate" in html
    assert "Where the figures come from" in small_run.report("markdown")
