"""What the figures of softmax attention draw."""

import numpy as np
from figures import softmax


def test_response_draws_formula_marks_and_movements(by_label):
    moved = {"linear": [5, 6], "softmax": [7, 8]}
    fig = softmax.response([0.1, 0.5], [1, 2], [3, 4], [0.01, 0.02], moved)
    left, right = map(by_label, fig.axes)
    assert left["by matrices"].get_ydata().tolist() == [1, 2]
    assert left["$[a_1(1-a_1)]^2$"].get_ydata().tolist() == [3, 4]
    assert right["softmax"].get_xdata().tolist() == [0.01, 0.02]
    assert right["softmax"].get_ydata().tolist() == [7, 8]


def test_attention_maps_share_a_scale_and_ring_the_attended():
    maps = {"one": np.eye(3)[:, :2], "two": np.full((3, 2), 0.5)}
    fig = softmax.attention_maps(maps, maps["one"] > 0)
    for ax, (label, values) in zip(fig.axes, maps.items(), strict=False):
        (image,) = ax.images
        np.testing.assert_array_equal(image.get_array(), values)
        assert image.get_clim() == (0, 1)
        assert ax.get_title() == label
        (rings,) = ax.lines
        assert rings.get_xdata().tolist() == rings.get_ydata().tolist() == [1, 2]


def test_courses_draws_medians(by_label):
    runs = np.array([[1.0, 2], [3, 4], [2, 9]])
    fig = softmax.courses([0, 10], {"p": {"linear": runs}, "q": {"linear": runs}}, log=["q"])
    assert [ax.get_yscale() for ax in fig.axes] == ["linear", "log"]
    assert by_label(fig.axes[1])["linear"].get_ydata().tolist() == [2, 4]


def test_lengths_draws_medians_and_bars():
    groups = {"linear": [[1, 2, 3], [4, 5, 6]], "softmax": [[1], [2]]}
    fig = softmax.lengths({"samples": ([10, 100], groups), "error": ([5, 50], groups)})
    ax, other = fig.axes
    assert other.get_xticks().tolist() == [5, 50]
    lines, _, bars = zip(*(c.lines for c in ax.containers), strict=True)
    assert lines[0].get_ydata().tolist() == [2, 5]
    assert lines[1].get_ydata().tolist() == [1, 2]
    np.testing.assert_allclose(bars[0][0].get_segments()[0][:, 1], [1.2, 2.8])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_from_the_mirror_has_a_panel_per_kind(by_label):
    fig = softmax.from_the_mirror({"linear": {"v": [-1, 0]}, "softmax": {"v": [-1, 1]}})
    assert [ax.get_title("left") for ax in fig.axes] == ["linear", "softmax"]
    assert by_label(fig.axes[1])["v"].get_ydata().tolist() == [-1, 1]
