"""The gallery shows the curves that it is given."""

import numpy as np
import pytest
from figures import failures

STEP = np.arange(5)
NAMES = ("alpha_V", "alpha_A", "delta_V", "delta_A", "excess")


@pytest.fixture
def curves() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"step": STEP, **{name: rng.uniform(0.1, 1, (3, 5)) for name in NAMES}}


def test_gallery_draws_medians_one_row_per_kind(curves: dict[str, np.ndarray]) -> None:
    fig = failures.gallery({"well": curves, "badly": curves})
    assert len(fig.axes) == 6
    for row in (fig.axes[:3], fig.axes[3:]):
        drawn = [line for ax in row for line in ax.lines if len(line.get_xdata()) == 5]
        for line, name in zip(drawn, NAMES, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), np.median(curves[name], axis=0))


def test_riddle_draws_single_runs(curves: dict[str, np.ndarray]) -> None:
    one = {name: values if name == "step" else values[1] for name, values in curves.items()}
    fig = failures.riddle([one, one])
    assert [ax.get_title() for ax in fig.axes[:2]] == ["run 1", "run 2"]
    drawn = [line for line in fig.axes[2].lines if len(line.get_xdata()) == 5]
    np.testing.assert_array_equal(drawn[1].get_ydata(), one["delta_A"])
