"""The stored experiments' check of a cell."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import experiments
import pandas as pd
import pytest


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An experiment whose results can be made to differ from what is stored."""
    module = ModuleType("experiments.made_up")
    module.error = 0.0
    module.run_one = lambda x: {"y": [x / 3 * (1 + module.error), 2.0], "word": ["a", "b"]}
    rows = {"x": [1, 1, 2, 2], "y": [1 / 3, 2.0, 2 / 3, 2.0], "word": list("abab")}
    pd.DataFrame(rows).to_csv(tmp_path / "made_up.csv", index=False)
    monkeypatch.setitem(sys.modules, "experiments.made_up", module)
    monkeypatch.setattr(experiments, "DATA", tmp_path)
    return module


def test_a_cell_is_compared_exactly(stored: ModuleType) -> None:
    assert experiments.recheck("made_up", x=2) == 6
    stored.error = 2e-16
    with pytest.raises(AssertionError):
        experiments.recheck("made_up", x=2)
    with pytest.raises(KeyError, match="has no cell"):
        experiments.recheck("made_up", x=3)


def test_a_cell_is_compared_to_a_tolerance(stored: ModuleType) -> None:
    stored.error = 1e-6
    assert experiments.recheck("made_up", rtol=1e-5, x=1) == 6
    with pytest.raises(AssertionError):
        experiments.recheck("made_up", rtol=1e-7, x=1)
