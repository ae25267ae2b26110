import numpy as np
from figures import front


def test_five_moments_stands_runs_side_by_side_and_rings_what_is_attended(by_label):
    names = ["flat", "speckle", "cut", "end", "truth"]
    truth = np.array([0.0, 0.5, 0.0, 0.5])
    scales = dict(zip(names, [0.1, 0.2, 0.4, 1, 1], strict=True))
    runs = {
        title: {name: sign * scale * truth for name, scale in scales.items()}
        for title, sign in [("right", 1), ("away", -1)]
    }
    path = ([0, 1, 2], [0, 0.1, 1], [0, 0.2, 1])
    fig = front.five_moments(runs, [path, path], truth, [1, 2])
    grid = np.array(fig.axes).reshape(6, 2)
    assert [ax.get_title(loc="left") for ax in grid[1:5, 0]] == names[1:]
    for at, sign in enumerate((1, -1)):
        rings = grid[3, at].lines[-1]
        np.testing.assert_array_equal(rings.get_xdata(), [2, 4])
        np.testing.assert_allclose(rings.get_ydata(), [sign * 0.5] * 2)
        np.testing.assert_array_equal(by_label(grid[5, at])[r"$\alpha_A$"].get_ydata(), path[2])
    assert grid[0, 0].get_ylim() == grid[0, 1].get_ylim()
    assert grid[0, 0].get_ylim()[1] < grid[4, 0].get_ylim()[1]
