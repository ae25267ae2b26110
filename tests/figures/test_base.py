"""What all figures share."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
from figures import base


def test_first_figure_leaves_the_display_of_later_ones_alone() -> None:
    before = mpl.is_interactive()
    plt.ion()
    try:
        base.figure()
        assert mpl.is_interactive()
    finally:
        plt.interactive(before)
