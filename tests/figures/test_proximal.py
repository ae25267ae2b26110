import numpy as np
import pytest
from figures import proximal

STEPS = np.array([0, 10, 20])
RUNS = np.array([[0.0, 1, 2], [0, 3, 4], [0, 2, 9]])  # medians 0, 2, 4


def test_cut_scaling_draws_every_run_and_the_bounds():
    attended = {"a": [np.array([1.0, 2]), np.array([3.0])], "b": [np.array([]), np.array([0.5])]}
    others = {"a": [np.array([0.1, 0.2]), np.array([0.3])], "b": [np.array([]), np.array([9.0])]}
    fig = proximal.cut_scaling([100, 200], attended, others, (0.5, 2.0))
    for ax, bound, total in zip(fig.axes, (0.5, 2.0), (6.5, 9.6), strict=True):
        dots = [line for line in ax.lines if line.get_marker() in ("o", "s")]
        assert sum(line.get_ydata().sum() for line in dots) == pytest.approx(total)
        assert any(set(line.get_ydata()) == {bound} for line in ax.lines if line not in dots)


def test_penalty_sweep_puts_zero_a_decade_to_the_left(by_label):
    samples = [np.array([1.0, 2, 3]), np.array([4.0, 5, 9]), np.array([])]
    predicted = {"x": [2.5, 5.5, 0.0]}
    fig = proximal.penalty_sweep(
        [0, 1e-4, 1e-2], {"x": samples, "y": samples}, predicted, {"theory": 3e-3}
    )
    first, second = fig.axes
    lines = by_label(first)
    np.testing.assert_allclose(lines["their median"].get_xdata(), [1e-5, 1e-4, 1e-2])
    np.testing.assert_array_equal(lines["their median"].get_ydata(), [2, 5, np.nan])
    np.testing.assert_array_equal(lines["predicted"].get_ydata(), predicted["x"])
    assert "predicted" not in by_label(second)
    assert lines["theory"].get_xdata()[0] == 3e-3
    assert [text.get_text() for text in first.get_xticklabels()] == ["0", "1e-4", "1e-2"]


def test_long_stage_2_marks_the_early_stop_on_the_median(by_label):
    fig = proximal.long_stage_2(
        STEPS, {"a": RUNS}, {"a": 15.0}, {"a": [0.1, 0.2, 0.6]}, {"a": [1, 2, 3]}
    )
    (ax,) = fig.axes
    np.testing.assert_array_equal(by_label(ax)["a"].get_ydata(), [0, 2, 4])
    diamond = next(x for x in ax.lines if x.get_marker() == "D" and x.get_xdata().size)
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (15.0, 3.0)
    star = next(x for x in ax.lines if x.get_marker() == "*" and x.get_xdata().size)
    assert star.get_ydata()[0] == 0.2


def test_shrinkage_draws_each_column_as_it_is_and_rings_the_attended(by_label):
    columns = {"before": [0.1, -0.2], "after": [0.0, -0.1]}
    fig = proximal.shrinkage(columns, [False, True])
    heights = [[bar.get_height() for bar in ax.patches] for ax in fig.axes]
    assert heights == [[0.1, -0.2], [0.0, -0.1]]
    assert [ax.get_title() for ax in fig.axes] == ["before", "after"]
    ring = by_label(fig.axes[1])["attended"]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (2, -0.1)
