import numpy as np
import pytest
from figures import transfer


def test_one_step_marks_the_attended_entries_and_both_levels(by_label):
    column = np.array([0.1, -0.2, 0.5, 0.0])
    fig = transfer.one_step({"a": column, "b": column + 1}, [0, 2], expected=0.4, cut=0.2)
    for ax, shift in zip(fig.axes, (0, 1), strict=True):
        found = by_label(ax)["attended positions"]
        np.testing.assert_array_equal(found.get_xdata(), [1, 3])  # positions count from one
        np.testing.assert_array_equal(found.get_ydata(), column[[0, 2]] + shift)
        assert {0.4, 0.2} <= {line.get_ydata()[0] for line in ax.lines}


def test_handed_over_draws_the_ratio_and_its_typical_deviation(by_label):
    ratios = np.array([[0.8, 0.9], [1.2, 1.1], [1.4, 1.2]])
    fig = transfer.handed_over([16, 64], {"one": ratios})
    left, right = fig.axes
    np.testing.assert_allclose(by_label(left)["one"].get_ydata(), [1.2, 1.1])
    np.testing.assert_allclose(by_label(right)["one"].get_ydata(), [0.2, 0.1])
    np.testing.assert_allclose(by_label(right)["$B^{-1/2}$"].get_ydata(), [0.2, 0.1])


def test_samples_by_length_draws_what_nine_in_ten_stay_below(by_label):
    seeds = [np.arange(1.0, 11), np.arange(10.0, 101, 10)]
    fig = transfer.samples_by_length({"a": [10, 100]}, {"a": seeds}, {"a": [8, 80]})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["a"].get_ydata(), [9, 90])
    np.testing.assert_array_equal(lines["prediction"].get_ydata(), [8, 80])
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "."]
    assert sum(line.get_ydata().size for line in dots) == 20


def test_least_batches_shades_the_condition(by_label):
    fig = transfer.least_batches([0.1, 1], [[100, 200], [1, 2]], [150, 1.5], condition=(0.8, 0.9))
    ax = fig.axes[0]
    np.testing.assert_array_equal(by_label(ax)["nine in ten seeds"].get_ydata(), [200, 2])
    (shade,) = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((0.8, 1))
    assert not transfer.least_batches([0.1, 1], [[1], [1]], [1, 1]).axes[0].patches


def test_transfer_share_draws_shares_with_their_intervals(by_label):
    found = [[0.5, 0.3, 0.7], [1.0, 0.8, 1.0]]
    fig = transfer.transfer_share([0, 0.5], {"B": found}, dashed={"mended": ([-0.5], [0.9])})
    lines = by_label(fig.axes[0])
    np.testing.assert_array_equal(lines["B"].get_ydata(), [0.5, 1])
    np.testing.assert_array_equal(lines["mended"].get_ydata(), [0.9])
    (ends,) = fig.axes[0].collections
    np.testing.assert_array_equal(
        [path.vertices[:, 1] for path in ends.get_paths()], [[0.3, 0.7], [0.8, 1]]
    )
