"""What a job has changed of its process is put back for the one that follows."""

from __future__ import annotations

import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.execute.process_state import state_kept


def test_draws_settings_and_the_environment_are_as_before(tmp_path: Path) -> None:
    products = torch.backends.cuda.matmul.fp32_precision

    def draws() -> tuple[float, ...]:
        return float(torch.rand(())), float(np.random.rand()), random.random()

    with state_kept():
        expected = draws()
    here, threads = os.getcwd(), torch.get_num_threads()
    with state_kept():
        draws()
        (tmp_path / "gone").mkdir()
        os.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        os.environ["PROCESS_STATE"] = "new"
        del os.environ["PATH"]
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(threads + 1)
        torch.set_grad_enabled(False)
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        torch.backends.mkldnn.enabled = not torch.backends.mkldnn.enabled
        torch.set_default_device("meta")
        torch.set_autocast_enabled("cpu", True)
        sys.path.append(str(tmp_path))
        np.seterr(over="raise")
        warnings.simplefilter("ignore")
    with state_kept():
        assert draws() == expected
    assert torch.backends.cuda.matmul.fp32_precision == products  # "none", where nobody has set it
    assert os.getcwd() == here and "PROCESS_STATE" not in os.environ and "PATH" in os.environ
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert torch.get_num_threads() == threads and not torch.backends.cudnn.benchmark
    assert np.geterr()["over"] == "warn" and str(tmp_path) not in sys.path
    assert torch.backends.mkldnn.enabled and not torch.is_autocast_enabled("cpu")
    assert torch.get_default_device() == torch.device("cpu")


def test_it_is_put_back_after_an_error_and_a_warning_is_shown_again() -> None:
    def warn() -> None:
        warnings.warn("once", UserWarning, stacklevel=1)

    shown = 0
    for _ in range(2):
        with pytest.raises(ValueError, match="stop"), state_kept():
            torch.set_default_dtype(torch.float64)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("default")
                warn()
                warn()
            shown += len(caught)
            raise ValueError("stop")
        assert torch.get_default_dtype() == torch.float32
    assert shown == 2
