"""What benchmarks share."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Seconds of CPU on one thread are comparable where two threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
