"""Mean and deviation against numpy's in extended precision, and what float32 would lose."""

import numpy as np
import pytest

from harness.data.column_statistics import mean_and_deviation, merged_share, storage_offset


@pytest.mark.parametrize("size", [1, 7, 50, 200])
def test_blocks_are_joined_without_cancellation(size):
    generator = np.random.default_rng(0)
    columns = [
        1.7e9 + 1000.0 * np.arange(200),
        0.01 * generator.normal(size=200),
        1e15 + generator.integers(0, 9, 200),
        np.exp(5 * generator.normal(size=200)),
    ]
    values = np.stack(columns, axis=1)
    mean, deviation = mean_and_deviation(
        [values[start : start + size] for start in range(0, 200, size)], (0,)
    )
    local = (values - values[0]).astype(np.longdouble)
    np.testing.assert_allclose(mean, (values[0] + local.mean(axis=0)).astype(float), rtol=1e-14)
    np.testing.assert_allclose(deviation, local.std(axis=0).astype(float), rtol=1e-12)


@pytest.mark.parametrize("value", [0.1, 1e-300, -1.7e9 - 0.3, 0.0])
def test_a_constant_column_does_not_vary_at_all(value):
    blocks = [np.stack([np.full(n, value), 1000.0 * np.arange(n)], axis=1) for n in (3, 1, 99, 10)]
    mean, deviation = mean_and_deviation(blocks, (0,))
    assert mean[0] == value and deviation[0] == 0.0 and deviation[1] > 0


def test_channels_and_features_of_sequences_are_columns():
    values = np.random.default_rng(1).normal(size=(20, 3, 4, 5))
    mean, deviation = mean_and_deviation([values[:8], values[8:]], (0, 2, 3))
    np.testing.assert_allclose(mean, values.mean(axis=(0, 2, 3)), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(deviation, values.std(axis=(0, 2, 3)), rtol=1e-13)
    mean, deviation = mean_and_deviation([values[:, :, :, 0]], (0, 1))
    np.testing.assert_allclose(mean, values[..., 0].mean(axis=(0, 1)), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("shape", [(50, 3, 17, 31), (9, 1, 2, 3), (4, 2, 16, 32)])
def test_bytes_are_summed_exactly(shape):
    values = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    values[:, -1] = 255
    mean, deviation = mean_and_deviation([values[:3], values[3:]], (0, 2, 3))
    exact = values.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=(0, 2, 3)), rtol=1e-15)
    np.testing.assert_allclose(deviation, exact.std(axis=(0, 2, 3)), rtol=1e-12, atol=0)
    assert mean[-1] == 255 and deviation[-1] == 0


def test_only_what_is_far_from_zero_is_moved():
    mean, deviation = np.array([1.7e9, 170.0, 5.0, -1e6]), np.array([17.0, 10.0, 0.0, 3.0])
    assert storage_offset(mean, deviation).tolist() == [1.7e9, 0.0, 0.0, -1e6]


def test_values_that_float32_merges():
    seconds = 1.7e9 + np.arange(60.0)
    assert merged_share(seconds) > 0.95 and merged_share(seconds, 1.7e9) == 0.0
    assert merged_share(np.array([np.nan, np.inf])) == 0.0
    assert merged_share(np.random.default_rng(0).normal(size=10_000)) < 0.01
