"""What the figures of Stage 1 draw."""

import numpy as np
from figures import stage_1


def test_laws_draw_finite_points_with_intervals_and_every_line():
    x = np.array([1.0, 10, 100])
    values = [(2, 1, 3), (20, 10, np.inf), (np.inf, 5, np.inf)]
    lines = {"measured": (x, 2 * x), "theory": (x, x)}
    fig = stage_1.laws([stage_1.Law("$T$", "$B$", {"measured": (x, values)}, lines)])
    (ax,) = fig.axes
    (bars,) = ax.containers
    np.testing.assert_allclose(bars[0].get_xdata(), [1, 10])
    np.testing.assert_array_equal(bars[0].get_ydata(), [2, 20])
    ends = np.array(bars[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, [[1, 3], [10, 200]])  # an open end goes to ten times the top
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_array_equal(drawn[0].get_ydata(), 2 * x)
    assert drawn[0].get_color() == bars[0].get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["theory", "measured"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_laws_without_any_point_still_draw_their_lines():
    law = stage_1.Law("$T$", "share", {"none": ([1.0], [(np.inf,) * 3])}, {}, log=False)
    (ax,) = stage_1.laws([law]).axes
    assert ax.get_yscale() == "linear"


def test_attention_frame_marks_the_attended_positions():
    columns = {"B = 1": np.array([0.1, -0.2, 0.3, 0]), "B = 9": np.array([0.0, 0.5, 0, 0.4])}
    fig = stage_1.attention_frame(columns, [1, 3], step=7, extent=1)
    assert [ax.get_title() for ax in fig.axes] == list(columns)
    for ax, column in zip(fig.axes, columns.values(), strict=True):
        rest, marked = ax.lines
        np.testing.assert_array_equal(rest.get_ydata(), column[[0, 2]])
        np.testing.assert_array_equal(marked.get_xdata(), [1, 3])
        np.testing.assert_array_equal(marked.get_ydata(), column[[1, 3]])


def test_start_and_end_marks_each_run_by_its_end():
    fig = stage_1.start_and_end({"a": [-3.0, 0, 2], "b": [1]}, {"a": [-1.0, 1, 1], "b": [-1]})
    crosses = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "X"]
    dots = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [list(x) for x in crosses] == [[-3], [1]]
    assert [list(x) for x in dots] == [[0, 2], []]
