import numpy as np
import pytest
from figures import transfer


def test_handed_over_draws_the_ratio_and_its_typical_deviation(by_label):
    ratios = np.array([[0.8, 0.9], [1.2, 1.1], [1.4, 1.2]])
    fig = transfer.handed_over([16, 64], {"one": ratios})
    left, right = fig.axes
    np.testing.assert_allclose(by_label(left)["one"].get_ydata(), [1.2, 1.1])
    np.testing.assert_allclose(by_label(right)["one"].get_ydata(), [0.2, 0.1])
    np.testing.assert_allclose(by_label(right)["$B^{-1/2}$"].get_ydata(), [0.2, 0.1])


def test_samples_by_length_draws_values_with_their_intervals(by_label):
    found = [[9, 5, 12], [90, 50, 120]]
    fig = transfer.samples_by_length({"a": [10, 100]}, {"a": found}, {"a": [8, 80]})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["a"].get_ydata(), [9, 90])
    np.testing.assert_array_equal(lines["by hand"].get_ydata(), [8, 80])
    assert _ends(fig.axes[0]) == [[5, 12], [50, 120]]


def test_least_batches_shades_the_condition(by_label):
    found = [[200, 100, 300], [2, 1, 3]]
    fig = transfer.least_batches([0.1, 1], found, [150, 1.5], condition=(0.8, 0.9))
    ax = fig.axes[0]
    np.testing.assert_array_equal(by_label(ax)["nine in ten tasks"].get_ydata(), [200, 2])
    np.testing.assert_array_equal(by_label(ax)["by hand"].get_ydata(), [150, 1.5])
    (shade,) = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((0.8, 1))
    assert not transfer.least_batches([0.1, 1], found, [1, 1]).axes[0].patches


def test_transfer_share_draws_shares_with_their_intervals(by_label):
    found = [[0.5, 0.3, 0.7], [1.0, 0.8, 1.0]]
    fig = transfer.transfer_share([0, 0.5], {"B": found}, reflected={"mended": ([-0.5], [0.9])})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["B"].get_ydata(), [0.5, 1])
    np.testing.assert_array_equal(lines["mended"].get_ydata(), [0.9])
    assert _ends(fig.axes[0]) == [[0.3, 0.7], [0.8, 1]]


def _ends(ax):
    (bars,) = ax.collections
    return [path.vertices[:, 1].tolist() for path in bars.get_paths()]
