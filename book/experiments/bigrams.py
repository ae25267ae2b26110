"""Letter bigrams of 26 languages, counted in the word lists of the package wordfreq.

Words of wordfreq's small lists, weighted by how often they are used. Letters are folded to a - z
(marks fall off, some letters become two), apostrophes and hyphens are dropped, and so are words
with any other sign. A word is a walk that begins and ends at the mark between words, written "_".
Counts are per ten million bigrams. A minute on one core. The table is made from wordfreq's data
(Robyn Speer, wordfreq 3.1.1), under CC BY-SA 4.0, and stays under that licence.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import string
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

import experiments
import scbtools as scb

NEEDS = "wordfreq==3.1.1"  # not among the book's requirements: pip install it to make this table
FAMILIES = {
    "Germanic": ["en", "de", "nl", "sv", "da", "nb", "is"],
    "Romance": ["fr", "es", "it", "pt", "ca", "ro"],
    "Slavic": ["pl", "cs", "sk", "sl", "sh"],
    "Baltic": ["lt", "lv"],
    "Uralic": ["fi", "hu"],
    "Turkic": ["tr"],
    "Austronesian": ["id", "ms", "fil"],
}
INDO_EUROPEAN = {"Germanic", "Romance", "Slavic", "Baltic"}
NAMES = {
    "en": "English", "de": "German", "nl": "Dutch", "sv": "Swedish", "da": "Danish",
    "nb": "Norwegian", "is": "Icelandic", "fr": "French", "es": "Spanish", "it": "Italian",
    "pt": "Portuguese", "ca": "Catalan", "ro": "Romanian", "pl": "Polish", "cs": "Czech",
    "sk": "Slovak", "sl": "Slovene", "sh": "Serbo-Croatian", "lt": "Lithuanian", "lv": "Latvian",
    "fi": "Finnish", "hu": "Hungarian", "tr": "Turkish", "id": "Indonesian", "ms": "Malay",
    "fil": "Filipino",
}  # fmt: skip
LANGUAGES = list(NAMES)
LETTERS = "_" + string.ascii_lowercase
VOWELS = "aeiouy"
FAMILY = {language: family for family, members in FAMILIES.items() for language in members}
GRID = [{"language": language} for language in LANGUAGES]

_FOLDED = str.maketrans({
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
    "ŀ": "l", "'": "", "’": "", "-": "", "·": "",
})  # fmt: skip

Floats = NDArray[Any]


def fold(word: str) -> str:
    """Return a word in a - z, as far as it can be."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(_FOLDED))
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).lower()


def run_one(language: str) -> dict[str, Any]:
    """Return the bigrams of a language, a row for each letter, and the share of words dropped."""
    try:
        wordfreq = importlib.import_module("wordfreq")
    except ImportError:
        raise ImportError(f"this table needs `pip install {NEEDS}`") from None
    counts, lost, total = np.zeros((27, 27)), 0.0, 0.0
    for word, frequency in wordfreq.get_frequency_dict(language, wordlist="small").items():
        total += frequency
        letters = fold(word)
        if not (letters and letters.isascii() and letters.isalpha()):
            lost += frequency
            continue
        walk = [LETTERS.index(letter) for letter in f"_{letters}_"]
        for before, after in itertools.pairwise(walk):
            counts[after, before] += frequency
    whole = np.rint(counts / counts.sum() * 1e7).astype(int)
    columns = {letter: whole[n].tolist() for n, letter in enumerate(LETTERS)}
    return {"dropped": round(lost / total, 4), "after": list(LETTERS)} | columns


@functools.cache
def _table() -> pd.DataFrame:
    return experiments.load("bigrams").set_index("language")


def counts_of(language: str) -> Floats:
    """Return how often letter n follows letter k, (27, 27), per ten million bigrams."""
    return np.asarray(_table().loc[language, list(LETTERS)], float).T


def task_of(
    language: str, seq_len: int, seed: int, sparsity: int = 2, smoothing: float = 0.0
) -> scb.SCBTask:
    """Return a task with a language's bigrams; `smoothing` is in units of all bigrams."""
    return scb.SCBTask.from_bigrams(
        counts_of(language) / 1e7, seq_len, sparsity, seed=seed, smoothing=smoothing
    )


@functools.cache
def language(name: str) -> scb.SCBTask:
    """Return a short task with a language's bigrams, for what depends on P alone."""
    return task_of(name, 4, 0)


def recentred(P_hat: ArrayLike, mu: Floats) -> Floats:
    """Return P_hat, shifted by one column so that it maps mu to mu."""
    matrix = np.asarray(P_hat, float)
    shift = (matrix * mu).sum(axis=1) - mu  # not @, which may differ in the last bit
    return np.asarray(matrix - shift[:, None])


def correlation(task: scb.SCBTask, P_hat: ArrayLike) -> float:
    """Return the correlation of another language's matrix with a task's, under the task's mu."""
    mu, trivial = task.stationary, task.stationary[:, None]
    D, G = recentred(P_hat, mu) - trivial, task.transition - trivial
    return float((D * G * mu).sum() / np.sqrt((D**2 * mu).sum() * task.K_P))


def spectrum(task: scb.SCBTask) -> Floats:
    """Return the eigenvalues of the covariance of P e_x, x from mu, the largest first; sum K_P."""
    off = task.transition - task.stationary[:, None]
    return np.linalg.eigvalsh((off * task.stationary) @ off.T)[::-1]


def rank(task: scb.SCBTask) -> float:
    """Return the effective rank of the bigrams, K_P^2 over the sum of squared eigenvalues."""
    return float(task.K_P**2 / (spectrum(task) ** 2).sum())


def classes_only(task: scb.SCBTask) -> Floats:
    """Return P as who knows only the mark, vowels and consonants has it."""
    kind = np.array([0 if x == "_" else 1 if x in VOWELS else 2 for x in LETTERS])
    member = (kind == np.arange(3)[:, None]).astype(float)  # (3, 27)
    mu = task.stationary
    share = member @ mu
    between = member @ (task.transition * mu) @ member.T / share
    return np.asarray(((member / share[:, None]).T * mu[:, None]) @ between @ member)
