"""Skips this folder where kernels cannot be launched, and makes blocks small in the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from scbtools.cuda import engine as cuda_engine
from tests.cuda.running import LAUNCH, REASON, SIMULATED, usable
from tests.cuda.simulator import mended

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not usable():
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_engine, "DEFAULT", LAUNCH)


@pytest.fixture(autouse=True, scope="session")
def _simulator() -> Iterator[None]:
    with mended() if SIMULATED else nullcontext():
        yield
