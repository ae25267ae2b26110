"""The gallery shows the curves that it is given."""

import numpy as np
import pytest
from figures import failures

STEP = np.arange(5)
NAMES = ("alpha_V", "alpha_A", "delta_V", "delta_A", "excess")


@pytest.fixture
def curves() -> dict[str, np.ndarray]:
    """Curves of three runs."""
    rng = np.random.default_rng(0)
    return {"step": STEP, **{name: rng.uniform(0.1, 1, (3, 5)) for name in NAMES}}


def test_fault_draws_medians_beside_those_of_good_runs(curves: dict[str, np.ndarray]) -> None:
    """Each curve is followed by its dotted companion."""
    well = {name: np.asarray(values) / 2 for name, values in curves.items()}
    fig = failures.fault(curves, well, 2)
    drawn = [line for ax in fig.axes for line in ax.lines if len(line.get_xdata()) == 5]
    for line, name in zip(drawn[::2], NAMES, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), np.median(curves[name], axis=0))
    for line, name in zip(drawn[1::2], NAMES, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), np.median(well[name], axis=0))
        assert line.get_linestyle() == ":"
    assert fig.axes[2].get_legend().get_texts()[1].get_text() == "all is well"
