"""Python's search for reference cycles is put off, and goes on as it was found."""

from __future__ import annotations

import gc

import pytest

from harness.catalogue.garbage import uncollected


@pytest.mark.parametrize("enabled", [True, False])
def test_it_is_left_as_it_was_found(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    try:
        with uncollected():
            assert not gc.isenabled()
            with uncollected():
                assert not gc.isenabled()
            assert not gc.isenabled()
        assert gc.isenabled() == enabled
        with pytest.raises(KeyError), uncollected():
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
