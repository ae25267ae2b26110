"""Bigrams of real languages, and the trees that are made of them."""

from __future__ import annotations

import languages
import numpy as np
import pytest
from experiments import bigrams


@pytest.mark.parametrize(
    ("word", "folded"),
    [("Straße", "strasse"), ("İstanbul", "istanbul"), ("l’œuvre", "loeuvre"), ("đak", "dak"),
     ("łódź", "lodz"), ("col·legi", "collegi"), ("þú", "thu")],
)  # fmt: skip
def test_words_are_folded_to_the_plain_alphabet(word: str, folded: str) -> None:
    assert bigrams.fold(word) == folded


def test_every_language_has_a_row_for_each_letter_and_walks_in_and_out_of_it_as_often() -> None:
    for name in bigrams.LANGUAGES:
        counts = bigrams.counts_of(name)
        assert counts.shape == (27, 27)
        assert counts[0, 0] == 0  # no empty words
        np.testing.assert_allclose(counts.sum(axis=0), counts.sum(axis=1), rtol=0, atol=30)


def test_a_recentred_matrix_keeps_the_stationary_distribution() -> None:
    english, finnish = (bigrams.language(name) for name in ("en", "fi"))
    shifted = bigrams.recentred(finnish.transition, english.stationary)
    np.testing.assert_allclose(shifted @ english.stationary, english.stationary, atol=1e-15)
    np.testing.assert_allclose(shifted.sum(axis=0), 1)
    assert bigrams.correlation(english, english.transition) == pytest.approx(1)


def test_who_knows_the_classes_only_has_the_right_mean_and_what_classes_say() -> None:
    task = bigrams.language("en")
    known, mu = bigrams.classes_only(task), task.stationary
    np.testing.assert_allclose(known.sum(axis=0), 1)
    np.testing.assert_allclose(known @ mu, mu)
    vowels = [bigrams.LETTERS.index(letter) for letter in bigrams.VOWELS]
    pairs = (task.transition * mu)[np.ix_(vowels, vowels)].sum()
    assert (known * mu)[np.ix_(vowels, vowels)].sum() == pytest.approx(pairs)


def test_a_tree_that_is_one_agrees_with_itself() -> None:
    distances = np.array([[0, 1, 4, 4], [1, 0, 4, 4], [4, 4, 0, 2], [4, 4, 2, 0.0]])
    found = languages.tree(distances)
    np.testing.assert_allclose(found.cophenetic, distances)
    assert languages.agreement(found.cophenetic, distances) == pytest.approx(1)


def test_chance_is_the_share_of_orders_that_agree_as_well() -> None:
    """Of four leaves in two pairs, a third of all orders keep the pairs together."""
    known = np.array([[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0.0]])
    assert languages.chance(known, known, 2000) == pytest.approx(1 / 3, abs=0.04)


def test_likest_languages_in_another_family_are_named() -> None:
    likeness = -languages.known()
    right, wrong = languages.nearest(likeness)
    assert (right, wrong) == (25, [])
    i, j = (languages.NAMES.index(name) for name in ("en", "fr"))
    likeness[i, j] = likeness[j, i] = 1
    right, wrong = languages.nearest(likeness)
    assert (right, wrong) == (23, ["English (French)", "French (English)"])
