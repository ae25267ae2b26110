"""What happens to training where a condition of the theory is broken: tools of chapter 17.

`SCBTask` draws independent tokens and honest targets, fresh ones at every step. Here are gradients
on samples given as such, sequences from a chain, targets replaced, and the numbers by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

import scbtools as scb
from scbtools import screening, updates
from scbtools.population import Gradients

__all__ = [
    "Mode", "OnSet", "Outcome", "all_highest", "boost", "chance", "forgotten", "gradients", "loss",
    "mirror_z", "mixed_chain", "mode", "noise_height", "on_set", "own_text", "rounded", "sequences",
    "single", "sticky", "weak", "with_labels",
]  # fmt: skip

Floats = NDArray[np.float64]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _add(rows: Any, value: Any, tokens: Any, last: Any, target: Any, of_A: Any, of_V: Any) -> float:
    """Add every sample's gradients, eq. 3 of the paper, and return the sum of squared residuals."""
    samples, seq_len = tokens.shape
    size, squares = value.shape[0], 0.0
    c, r, w = np.empty_like(value[0]), np.empty_like(value[0]), np.empty_like(value[0])
    for i in range(samples):
        k, row = last[i], rows[last[i]]
        for n in range(size):
            c[n] = 0.0
        for t in range(seq_len):
            c[tokens[i, t]] += row[t]
        for n in range(size):
            r[n] = -1.0 if n == target[i] else 0.0
            for m in range(size):
                r[n] += value[n, m] * c[m]
            squares += r[n] * r[n]
        for m in range(size):
            w[m] = 0.0
            for n in range(size):
                w[m] += value[n, m] * r[n]
                of_V[n, m] += r[n] * c[m]
        out = of_A[k]
        for t in range(seq_len):
            out[t] += w[tokens[i, t]]
    return squares


def gradients(params: scb.Params, batch: scb.Batch) -> Gradients:
    """Return the raw gradients of the mean loss of these samples, as `scb.minibatch_gradients`."""
    return _both(params, batch)[0]


def loss(params: scb.Params, batch: scb.Batch) -> float:
    """Return the mean loss of these samples."""
    return _both(params, batch)[1]


def _both(params: scb.Params, batch: scb.Batch) -> tuple[Gradients, float]:
    rows, value = np.ascontiguousarray(params.A.T), np.ascontiguousarray(params.V)
    of_A, of_V = np.zeros_like(rows), np.zeros_like(value)
    squares = _add(rows, value, *_parts(batch), of_A, of_V)
    n = len(batch.last)
    return Gradients((of_A / n).T, of_V / n), squares / (2 * n)


def _parts(batch: scb.Batch) -> tuple[Any, Any, Any]:
    return batch.tokens, batch.last, batch.target


# --- samples ----------------------------------------------------------------------------------


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _walk(uniform: Any, first: Any, steps: Any, tokens: Any) -> None:
    """Fill rows of tokens: the first by `first`, each other by the column of the one before."""
    for i in range(uniform.shape[0]):
        here = 0
        for t in range(uniform.shape[1]):
            u, n = uniform[i, t], 0
            while n < first.size - 1 and u >= (first[n] if t == 0 else steps[n, here]):
                n += 1
            tokens[i, t] = here = n


def sequences(task: scb.SCBTask, chain: ArrayLike, n: int, rng: np.random.Generator) -> scb.Batch:
    """Return n samples whose T + 1 tokens are a walk of a chain with the task's mu.

    Column m of `chain` is the law of the token after m. Attention and targets are the task's.
    """
    T, mu = task.seq_len, task.stationary
    walk = np.empty((n, T + 1), np.uint8)
    _walk(rng.random((n, T + 1)), np.cumsum(mu), np.cumsum(np.asarray(chain, float), axis=0), walk)
    last = walk[:, T].astype(np.int64)
    sparse = task.sparse_attention
    passed = rng.random(n)[:, None] >= np.cumsum(sparse.weights, axis=1)[last]
    which = np.minimum(passed.sum(axis=1), sparse.counts[last] - 1)
    seen = walk[np.arange(n), sparse.positions[last, which]]
    target = _draw(np.cumsum(task.transition, axis=0).T[seen], rng)
    return scb.Batch(walk[:, :T], last, target)


def _draw(cumulated: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a token for each row of cumulated probabilities."""
    passed = rng.random(len(cumulated))[:, None] >= cumulated
    return np.asarray(np.minimum(passed.sum(axis=1), cumulated.shape[1] - 1))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _write(text: Any, steps: Any, positions: Any, weights: Any, uniform: Any) -> None:
    """Fill each row of text from its first T + 1 tokens on; weights and steps are cumulated."""
    writers, new = uniform.shape[0], uniform.shape[1]
    T = text.shape[1] - new - 1
    for i in range(writers):
        for j in range(new):
            k, which, n = text[i, T + j], 0, 0
            while which < weights.shape[1] - 1 and uniform[i, j, 0] >= weights[k, which]:
                which += 1
            m = text[i, j + positions[k, which]]
            while n < steps.shape[0] - 1 and uniform[i, j, 1] >= steps[n, m]:
                n += 1
            text[i, T + 1 + j] = n


def own_text(
    task: scb.SCBTask, writers: int, stride: int, rng: np.random.Generator
) -> Callable[[int], scb.Batch]:
    """Return a function that draws one sample from each of many endless texts.

    Every target is appended, as in the paper's section 2.1, and the window moves by `stride`
    tokens from call to call. Texts begin independent, and ten windows are thrown away.
    """
    T, sparse = task.seq_len, task.sparse_attention
    steps, weights = np.cumsum(task.transition, axis=0), np.cumsum(sparse.weights, axis=1)
    text = _draw(np.tile(np.cumsum(task.stationary), (writers * (T + 1), 1)), rng)
    text = text.reshape(writers, T + 1).astype(np.uint8)

    def go(new: int) -> None:
        nonlocal text
        longer = np.concatenate([text, np.zeros((writers, new), np.uint8)], axis=1)
        _write(longer, steps, sparse.positions, weights, rng.random((writers, new, 2)))
        text = longer[:, -(T + 2) :]

    def draw(_: int) -> scb.Batch:
        nonlocal text
        text = text[:, -(T + 1) :]
        go(stride)
        return scb.Batch(text[:, :T], text[:, T].astype(np.int64), text[:, T + 1].astype(np.int64))

    go(10 * T)
    return draw


def with_labels(
    batch: scb.Batch, share: float, law: ArrayLike, rng: np.random.Generator
) -> scb.Batch:
    """Return the samples with a share of the targets replaced by draws from a law."""
    n = len(batch.target)
    other = _draw(np.tile(np.cumsum(np.asarray(law, float)), (n, 1)), rng)
    return batch._replace(target=np.where(rng.random(n) < share, other, batch.target))


# --- tasks and chains -------------------------------------------------------------------------


def weak(task: scb.SCBTask, kept: float) -> scb.SCBTask:
    """Return the task with P - mu 1' made smaller by a factor: targets from mu otherwise."""
    mu = task.stationary[:, None]
    positions, weights, _ = task.sparse_attention
    P = kept * task.transition + (1 - kept) * mu
    return scb.SCBTask.from_sparse(P, positions, weights, task.seq_len)


def mixed_chain(task: scb.SCBTask, part: float) -> Floats:
    """Return the chain that goes on by P with this probability, and else begins anew from mu."""
    return np.asarray(part * task.transition + (1 - part) * task.stationary[:, None])


def sticky(task: scb.SCBTask, stay: float) -> Floats:
    """Return the chain that stays with this probability, and else goes on by P."""
    return np.asarray(stay * np.eye(task.vocab_size) + (1 - stay) * task.transition)


# --- training ---------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """Where Stage 1 ended."""

    params: scb.Params
    steps: int
    counts: NDArray[np.int64]  # of pairs, for screening the same samples


def rounded(params: scb.Params, bits: int) -> scb.Params:
    """Return parameters whose entries keep so many binary digits after the first."""

    def cut(x: Floats) -> Floats:
        part, power = np.frexp(x)
        return np.asarray(np.ldexp(np.rint(np.ldexp(part, bits + 1)), power - bits - 1))

    return scb.Params(cut(params.A), cut(params.V))


def single(params: scb.Params) -> scb.Params:
    """Return parameters in float32, in which `gradients` then reckons and adds up."""
    return scb.Params(params.A.astype(np.float32), params.V.astype(np.float32))


def boost(
    task: scb.SCBTask, batches: Callable[[int], scb.Batch], eta: float, target: float = 0.35,
    limit: int | None = None, centred: bool = False, count: bool = False, enough: float = 0.0,
    stored: Callable[[scb.Params], scb.Params] | None = None,
) -> Outcome:  # fmt: skip
    """Return where Stage 1 ends on given samples: `batches(step)` of each step.

    It stops when the larger signal reaches `target`, at the latest after 4 ln(T) / eta steps, and
    where the mean loss of a step's samples is below `enough`.
    `stored` says what is kept of the parameters after each step.
    """
    N, T = task.vocab_size, task.seq_len
    params, counts = scb.uniform_start(task), np.zeros((N, T, N, N), np.int64)
    last = int(4 * np.log(T) / eta) if limit is None else limit
    for step in range(last):
        now = scb.signals(task, params)
        if max(abs(now.alpha_V), abs(now.alpha_A)) >= target:
            return Outcome(params, step, counts)
        batch = batches(step)
        raw, left = _both(params, batch)
        if left < enough:
            return Outcome(params, step, counts)
        if count:
            counts += screening.pair_counts(batch, N)
        grad = scb.precondition(task, raw, centred)
        params = updates.gradient_step(params, grad, eta / task.K_Q, eta / task.K_P)
        if stored:
            params = stored(params)
    return Outcome(params, last, counts)


# --- by hand ----------------------------------------------------------------------------------


def noise_height(task: scb.SCBTask) -> float:
    """Return nu of chapter 14: the noise of a sample along P."""
    P, mu = task.transition, task.stationary
    shift = P - mu[:, None]
    within = (mu[:, None] * shift**2).sum(axis=0) - (mu @ shift) ** 2
    return float(np.sqrt(mu @ within))


def chance(task: scb.SCBTask, samples: float) -> float:
    """Return how likely all attended entries are the largest, after Stage 1 on so many samples.

    An entry with weight q stands q K_P sqrt(n mu_k) / nu deviations above the grass: n = 2 B / eta
    for fresh batches. On a fixed set of n that is so only where V points at P.
    """
    return float(all_highest(task, task.K_P * np.sqrt(samples) / noise_height(task)))


def all_highest(task: scb.SCBTask, height: ArrayLike) -> Floats:
    """Return how likely every attended entry exceeds the grass of its column.

    `height` is that of an entry of weight one, in deviations of the grass, if all samples had the
    same last token; any shape.
    """
    height, u = np.asarray(height, float), (np.arange(200) + 0.5) / 200
    found, (_, weights, counts) = np.ones(height.shape), task.sparse_attention
    for k, share in enumerate(task.stationary):
        grass = special.ndtri(u ** (1 / (task.seq_len - counts[k])))
        above = np.multiply.outer(height * np.sqrt(share), weights[k, : counts[k]])
        found *= special.ndtr(above[..., None, :] - grass[:, None]).prod(axis=-1).mean(axis=-1)
    return found


class OnSet(NamedTuple):
    """Where Stage 1 on a fixed set ends, by its linear theory, for each draw of the set."""

    height: Floats  # (draws,), as for `all_highest`
    aligned: Floats  # (draws,), squared cosine between what V added up and P - mu 1'


def on_set(
    task: scb.SCBTask, n: int, eta: float, draws: int = 40, seed: int = 0, target: float = 0.35
) -> OnSet:
    """Return where Stage 1 on one set of n samples ends, while A and D = V - mu 1' are small.

    The push on D at the start is the same in every step: P~ / T, with P~ = P - mu 1', and noise.
    To A the set adds q <D, P~> at attended entries, and to every entry of column k noise of
    variance tr(Sigma D diag(mu) D') / (n mu_k). Both come back to D, where the noise of all N T
    entries adds up to (N T / n) Sigma D. Steps and stop are those of `boost`.
    """
    mu, N, T = task.stationary, task.vocab_size, task.seq_len
    known = task.transition - mu[:, None]
    spread, offset = np.diag(mu) - np.outer(mu, mu), mu / (mu @ mu) - 1
    counted = (np.diag(1 / mu) - 1) / T + np.outer(offset, offset)
    drawn = np.random.default_rng(seed).standard_normal((draws, N, N))
    push = known / T + _root(spread) @ drawn @ _root(counted) / np.sqrt(n)

    def along(X: Floats) -> Floats:
        return np.asarray((X * known * mu).sum(axis=(1, 2)))

    D, W = np.zeros((draws, N, N)), np.zeros((draws, N, N))  # W: the sum of D over the steps
    for _ in range(int(4 * np.log(T) / eta)):
        signal = np.maximum(abs(along(D)), eta * abs(along(W))) / task.K_P
        go = (signal < target)[:, None, None]
        if not go.any():
            break
        back = task.K_Q * along(W)[:, None, None] * known + N * T / n * (spread @ W)
        step = eta / task.K_Q * (push + eta / task.K_P * back)
        D, W = D + go * step, W + go * D
    grass = np.sqrt(((spread @ W) * W * mu).sum(axis=(1, 2)))
    sizes = task.K_P * (W * W * mu).sum(axis=(1, 2))
    return OnSet(abs(along(W)) * np.sqrt(n) / grass, along(W) ** 2 / sizes)


def _root(covariance: Floats) -> Floats:
    """Return the symmetric root."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T)


class Mode(NamedTuple):
    """What Stage 1 lets grow, where tokens are a chain."""

    leak: Floats  # of attention at distances -far .. far from an attended position; 1 at 0
    value: Floats  # (N, N), along which V grows; P - mu 1' for independent tokens
    speed: float  # of the growth, over that for independent tokens
    second: float  # how fast the next mode grows, over this one


def mode(task: scb.SCBTask, chain: ArrayLike, far: int = 100) -> Mode:
    """Return the leading singular pair of what a position knows of the target, by distance.

    That is (P - mu 1') W^h, for a position h behind an attended one; W* for one in front of it.
    """
    mu, W = task.stationary, np.asarray(chain, float)
    back = mu[:, None] * W.T / mu  # the chain, read backwards
    known = [task.transition - mu[:, None]]
    for step in (W, back):
        moved = known[0] if step is W else known[0].copy()
        for _ in range(far):
            moved = moved @ step
            known.append(moved)
    order = [*range(2 * far, far, -1), *range(far + 1)]
    matrix = np.array([(known[i] * np.sqrt(mu)).ravel() for i in order])
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    value = right[0].reshape(known[0].shape) / np.sqrt(mu) * np.sign(left[far, 0])
    speed, second = float(sizes[0] / np.sqrt(task.K_P)), float(sizes[1] / sizes[0])
    return Mode(left[:, 0] / left[far, 0], value, speed, second)


def forgotten(task: scb.SCBTask, samples: float) -> float:
    """Return by how much a fixed set's best A for V = P misses the least loss, by hand."""
    parameters = task.vocab_size * (task.seq_len - 1)
    return parameters * noise_height(task) ** 2 / (2 * task.K_P * samples)


def mirror_z(
    task: scb.SCBTask, load: float, *, chain: ArrayLike | None = None, uniform: float = 0.0,
    paper: bool = True,
) -> float:  # fmt: skip
    """Return z of chapter 14, so that Phi(-z) are mirrors, where conditions are broken.

    `load` is B / (eta T). Tokens from a chain, or a share `uniform` of the targets from the uniform
    law and rates for the honest ones; with the paper's projection, or the centred one.
    """
    mu, N, T = task.stationary, task.vocab_size, task.seq_len
    kept = 1 - uniform
    told = kept * mu + uniform / N  # how often each token is a target
    spread = np.diag(told) - np.outer(told, told)
    moved = kept * (task.transition - mu[:, None])  # what is known at each distance
    grows, speed, covered, W = moved, kept, np.diag(mu), np.zeros((N, N))
    if chain is not None:
        W = np.asarray(chain, float)
        _, grows, speed, _ = mode(task, W)
    drift, nu2 = 0.0, 0.0
    for h in range(T if chain is not None else 1):
        both = 2 if h else 1
        drift += both * float((moved * grows * mu).sum())
        nu2 += both * float(np.trace(spread @ grows @ covered @ grows.T))
        moved, covered = moved @ W, W @ covered
        if np.abs(moved).max() < 1e-12:
            break
    offset = grows @ (mu * mu / (mu @ mu)) * paper
    drift += T * float((mu - told) @ offset)
    noise = nu2 + T * float(offset @ spread @ offset)
    return drift * float(np.sqrt(2 * load / speed / noise))
