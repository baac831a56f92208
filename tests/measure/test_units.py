"""What units say of their figures."""

import math

from harness.measure.units import TIMED_UNITS, unit_of


def test_a_unit_has_bounds() -> None:
    assert unit_of("fraction").bounds == (0.0, 1.0)
    assert unit_of("s").bounds == (0.0, math.inf)
    assert unit_of("").bounds == (-math.inf, math.inf) == unit_of("furlongs").bounds


def test_what_is_timed_scales() -> None:
    assert {"s", "1/s", "J"} <= set(TIMED_UNITS)
    assert all(unit_of(name).scales for name in TIMED_UNITS)
    assert unit_of("FLOP/B").scales and not unit_of("FLOP/B").timed
    assert not unit_of("fraction").scales
