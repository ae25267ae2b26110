"""What the figures on looking away draw."""

import numpy as np
from figures import away
from scipy.stats import norm


def test_by_length_draws_both_methods_beside_each_other():
    """Marks keep their intervals; lines are the law's."""
    x, found = [100.0, 400], [(0.2, 0.1, 0.3), (0.4, 0.3, 0.45)]
    shares = {"skewed": {"paper": (x, found), "centred": (x, found)}}
    lines = {"skewed": {"paper": (x, [0.25, 0.35]), "centred": (x, [0.1, 0.1])}}
    (ax,) = away.by_length(shares, lines).axes
    assert ax.get_title() == "skewed"
    first, second = (bars[0] for bars in ax.containers)
    np.testing.assert_array_equal(first.get_ydata(), [0.2, 0.4])
    assert (first.get_xdata() < x).all()
    assert (second.get_xdata() > x).all()
    ends = np.array(ax.containers[0][2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, [[0.1, 0.3], [0.3, 0.45]])
    by_hand = [line.get_ydata() for line in ax.lines if line.get_label() == "by hand"]
    assert [list(y) for y in by_hand] == [[0.25, 0.35], [0.1, 0.1]]


def test_two_origins_puts_the_papers_point_at_the_foot_of_the_perpendicular():
    """Both points lie on the line of relative frequencies, mu_1 x + mu_2 y = 1."""
    mu, cloud = np.array([2 / 3, 1 / 3]), np.array([[1.1, 0.8], [0.9, 1.2]])
    noise = {"paper": ([10.0, 100], [(1, 0.9, 1.1)] * 2)}
    left, right = away.two_origins(cloud, mu, 50, noise, {"paper": ([10, 100], [1, 1])}).axes
    points = {line.get_label(): line.get_xydata() for line in left.lines}
    (foot,), (middle,) = points[away.NAMES["paper"]], points[away.NAMES["centred"]]
    np.testing.assert_allclose(middle, 1)
    for point in (foot, middle):
        np.testing.assert_allclose(point @ mu, 1)
    np.testing.assert_allclose(foot @ [1, -2], 0, atol=1e-12)  # at a right angle to the line
    np.testing.assert_array_equal(points["samples, $T = 50$"], cloud)
    assert right.containers[0][0].get_ydata().tolist() == [1, 1]


def test_by_z_draws_shares_beside_the_gaussian_tail():
    """Whatever the kind, one curve."""
    (ax,) = away.by_z({"even": ([1.0], [(0.2, 0.1, 0.3)])}).axes
    assert ax.containers[0][0].get_ydata() == [0.2]
    law = next(line for line in ax.lines if "Phi" in line.get_label())
    np.testing.assert_allclose(law.get_ydata(), norm.cdf(-law.get_xdata()))


def test_held_out_draws_shares_beside_the_law():
    """Samples are counted in lengths."""
    fig = away.held_out({"runs": ([1.0, 4], [(0.8, 0.7, 0.9), (1, 0.9, 1)])}, ([1, 4], [0.8, 0.98]))
    (ax,) = fig.axes
    np.testing.assert_array_equal(ax.containers[0][0].get_ydata(), [0.8, 1])
    law = next(line for line in ax.lines if line.get_label() == "by hand")
    np.testing.assert_array_equal(law.get_ydata(), [0.8, 0.98])
