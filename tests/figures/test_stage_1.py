"""What the figures of Stage 1 draw."""

import numpy as np
from figures import stage_1
from figures.base import MIRROR, OF_A, THEORY
from scipy.stats import norm


def test_laws_draw_finite_points_with_intervals_and_every_line():
    """An interval without an end goes to ten times the highest value."""
    x = np.array([1.0, 10, 100])
    values = [(2, 1, 3), (20, 10, np.inf), (np.inf, 5, np.inf)]
    lines = {"measured": (x, 2 * x), "other": (x, x)}
    fig = stage_1.laws([stage_1.Law("$T$", "$B$", {"measured": (x, values)}, lines)])
    (ax,) = fig.axes
    (bars,) = ax.containers
    np.testing.assert_allclose(bars[0].get_xdata(), [1, 10])
    np.testing.assert_array_equal(bars[0].get_ydata(), [2, 20])
    ends = np.array(bars[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, [[1, 3], [10, 200]])
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_array_equal(drawn[0].get_ydata(), 2 * x)
    assert drawn[0].get_color() == THEORY
    said = {text.get_text() for text in ax.get_legend().get_texts()}
    assert said == {"measured", "by hand", "other"}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_laws_without_any_point_still_draw_their_lines():
    """A ladder that nobody climbed leaves an empty panel, not an error."""
    law = stage_1.Law("$T$", "share", {"none": ([1.0], [(np.inf,) * 3])}, {}, log=False)
    (ax,) = stage_1.laws([law]).axes
    assert ax.get_yscale() == "linear"


def test_columns_ring_the_attended_positions_counted_from_one():
    """Those that point down have the mirror's colour."""
    each = {"up": np.array([0.1, 0.6, 0.3, 0.4]), "down": np.array([0.0, -0.5, 0, -0.4])}
    fig = stage_1.columns(each, [1, 3])
    assert [ax.get_title() for ax in fig.axes] == list(each)
    for ax, column, colour in zip(fig.axes, each.values(), (OF_A, MIRROR), strict=True):
        rest, ringed = ax.lines[:2]
        np.testing.assert_array_equal(rest.get_ydata()[1::3], column[[0, 2]])
        np.testing.assert_array_equal(rest.get_xdata()[1::3], [1, 3])
        np.testing.assert_array_equal(ringed.get_xdata(), [2, 4])
        np.testing.assert_array_equal(ringed.get_ydata(), column[[1, 3]])
        assert ax.collections[0].get_edgecolor()[0].tolist() == [*_rgb(colour), 1.0]


def _rgb(colour):
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def test_fates_colour_runs_by_their_last_sign():
    """Whatever their sign was before."""
    runs = [[0.0, 1, -1], [0, -1, 1]]
    fig = stage_1.fates([0, 1, 2], runs, {"theory": ([0, 2], [0, 1])})
    colours = {line.get_label(): line.get_color() for line in fig.axes[0].lines}
    assert (colours["right sign"], colours["mirror"]) == (OF_A, MIRROR)
    assert colours["theory"] == THEORY


def test_random_starts_draw_shares_beside_the_law():
    """The law is a Gaussian's share above minus one over the spread."""
    fig = stage_1.random_starts({"a": ([1.0, 2], [(0.8, 0.7, 0.9)] * 2), "b": ([1], [(1, 1, 1)])})
    (ax,) = fig.axes
    assert len(ax.containers) == 2
    law = next(line for line in ax.lines if "Phi" in line.get_label())
    np.testing.assert_allclose(law.get_ydata(), norm.cdf(1 / law.get_xdata()))


def test_start_and_end_marks_each_run_by_its_end():
    """Dots end above, crosses below."""
    fig = stage_1.start_and_end({"a": [-3.0, 0, 2], "b": [1]}, {"a": [-1.0, 1, 1], "b": [-1]})
    crosses = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "X"]
    dots = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [list(x) for x in crosses] == [[-3], [1]]
    assert [list(x) for x in dots] == [[0, 2], []]
