"""How a job's process is set up before its work begins."""

import torch
from as_before import as_before

from harness.execute.job_device import start_device
from harness.execute.request import Request
from harness.measure.fast_path import fast_path
from harness.plan.jobs import Job


def test_transformer_encoders_take_no_path_of_their_own() -> None:
    job = Job(fingerprint="x", sort="fit", label="fit", spec={}, needs=(), axes={}, threads=1)
    with as_before(), fast_path(True):
        assert start_device(Request(job, "")).type == "cpu"
        assert not torch.backends.mha.get_fastpath_enabled()
