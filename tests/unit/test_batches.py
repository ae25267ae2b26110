"""Steps taken apart, as chapter 4 does it."""

from __future__ import annotations

import batches
import numpy as np
import pytest

import scbtools as scb
from scbtools.signals import centred

TASK = scb.SCBTask.random(3, 40, 2, seed=0)


def test_noisy_steps_are_those_of_training() -> None:
    """The run taken apart is the one that `train` would make."""
    *_, last = batches.noisy_steps(TASK, steps=12, batch_size=8, eta=0.05, seed=3)
    stage = scb.recipes.boost(TASK, 12, batch_size=8, eta=0.05)
    run = scb.train(TASK, stage, seed=3)
    np.testing.assert_allclose(last.after.A, run.params.A, atol=1e-12)
    np.testing.assert_allclose(last.after.V, run.params.V, atol=1e-12)


def test_terms_add_up_to_the_change_of_the_signals() -> None:
    """Signal, shrinkage and noise are all that moves a signal in a step."""
    for step in batches.noisy_steps(TASK, steps=20, batch_size=8, eta=0.05, seed=4):
        found, after = batches.terms(TASK, step), centred(TASK, step.after)
        for layer, now in (("V", after.alpha_V), ("A", after.alpha_A)):
            change = sum(found[f"{layer} {name}"] for name in ("signal", "shrinkage", "noise"))
            assert now - found[f"alpha_{layer}"] == pytest.approx(change, abs=1e-12)


def test_squares_average_to_the_closed_form() -> None:
    """Norms of real batches have the expectation that `scbtools.noise` computes."""
    from experiments.noise_entries import half_way

    from scbtools import noise

    place = half_way(TASK, 0.5)
    found = batches.squares(TASK, place, batch_size=16, seed=0, batches=200).mean(axis=0)
    exact = np.array([noise.attention_norm(TASK, place), noise.value_norm(TASK, place)]) / 16
    np.testing.assert_allclose(found, exact, rtol=0.15)
