"""Every public call, with plain, odd, extreme and bad arguments; `make fuzz` tries others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fuzz.calls import CALLS, Call
from tests.fuzz.engine import counts, examine


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_call_answers_well_or_refuses_well(call: Call) -> None:
    """A right answer, whole and repeatable; or an error of ours that names what is wrong."""
    examine(call, 6 + 2 * len(call.kinds))


def test_enough_was_tried_of_everything(record_property: Any) -> None:
    """Cases of either outcome, by the hundred: else the strategies have gone blind."""
    record_property("fuzz", dict(counts))
    print(dict(counts))
    if counts["tried"] < 900:
        pytest.skip("only some calls were tried")
    assert counts["answered well"] > 400
    assert counts["refused"] > 200
    assert counts["wrong"] == 0
