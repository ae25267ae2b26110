"""What each call should answer, as plainly as NumPy allows.

An oracle gets the answer and the arguments by name. It returns what the answer should be, or None
where it has said all by assertions, or where nothing exact can be said.
"""

from __future__ import annotations

import dataclasses
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

import scbtools as scb
from scbtools.noise import Noise
from scbtools.population import Gradients
from scbtools.stages import HISTORY_COLUMNS, Stage, Transform
from tests import reference_numpy as reference

Array = NDArray[np.float64]

NO_RATE = "K_P or K_Q is 0, but for rounding, and rates go as their inverse"
SLIGHT = 1e-9  # below it, K_P or K_Q is rounding, and a decision by a level is too close to call


def parts(task: Any) -> tuple[Array, Array, Array]:
    """P, mu, Q."""
    return task.transition, task.stationary, task.attention


def lengths(task: Any) -> tuple[float, float]:
    """K_P and K_Q."""
    P, mu, Q = parts(task)
    return float(((P - mu[:, None]) ** 2 @ mu).sum()), float(((Q - 1 / len(Q)) ** 2 @ mu).sum())


# --- tasks ----------------------------------------------------------------------------------------


def stationary(P: Array) -> Array:
    """The solution of P mu = mu, 1'mu = 1, by exact fractions: state after state is taken out."""
    rows, size = [[Fraction(x) for x in column] for column in P.T], len(P)
    for last in range(size - 1, 0, -1):
        leaving = sum(rows[last][:last])
        for i in range(last):
            rows[i][last] /= leaving
            for j in range(last):
                rows[i][j] += rows[i][last] * rows[last][j]
    mu = [Fraction(1)]
    for j in range(1, size):
        mu.append(sum((mu[i] * rows[i][j] for i in range(j)), Fraction(0)))
    return np.array([float(each / sum(mu)) for each in mu])


def stationary_distribution(found: Any, transition: Any) -> Array | None:
    P = np.asarray(transition)
    return stationary(P) if np.abs(P.sum(axis=0) - 1).max() < 1e-12 else None


def assert_sound(task: Any) -> None:
    """What holds of every task."""
    P, mu, Q = parts(task)
    assert type(task) is scb.SCBTask
    for array in (P, mu, Q, *task.sparse_attention, *task.tables):
        assert not array.flags.writeable, "an array of the task can be written to"
    for array in (P, Q, mu[:, None]):
        assert array.dtype == np.float64
        assert (array >= 0).all()
        assert np.abs(array.sum(axis=0) - 1).max() < 1e-12
    assert mu.min() > 0
    assert np.abs(P @ mu - mu).max() < 1e-13, "mu is not stationary"
    assert np.abs(mu / stationary(P) - 1).max() < 1e-12, "mu is not the eigenvector"
    twin = pickle.loads(pickle.dumps(task))
    for one, two in zip((*parts(task), *task.tables), (*parts(twin), *twin.tables), strict=True):
        assert one.tobytes() == two.tobytes(), "pickling changes the task"


def new_task(found: Any, transition: Any, attention: Any) -> None:
    assert_sound(found)
    P, Q = np.array(transition, float), np.array(attention, float)
    np.testing.assert_allclose(found.transition, P / P.sum(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.attention, Q / Q.sum(axis=0), rtol=1e-14)


def from_sparse(found: Any, transition: Any, positions: Any, weights: Any, seq_len: int) -> None:
    dense = np.zeros((seq_len, len(transition)))
    for k, (row, values) in enumerate(zip(positions, np.array(weights, float), strict=True)):
        for position, value in zip(row, values, strict=True):
            dense[position, k] += value
    new_task(found, transition, dense)


def assert_random_attention(task: Any, vocab_size: int, seq_len: int, sparsity: int) -> None:
    assert_sound(task)
    assert task.attention.shape == (seq_len, vocab_size)
    assert task.sparse_attention.positions.shape == (vocab_size, sparsity)
    np.testing.assert_allclose(task.sparse_attention.weights, 1 / sparsity, rtol=1e-14)


def random_task(
    found: Any,
    vocab_size: int,
    seq_len: int,
    sparsity: int,
    signal: float,
    spread: float,
    seed: int,
) -> None:
    assert_random_attention(found, vocab_size, seq_len, sparsity)
    mu = found.stationary
    assert lengths(found)[0] >= signal * mu @ mu - 1e-12
    assert max(mu.max() * vocab_size, 1 / mu.min() / vocab_size) <= spread + 1e-12


def from_bigrams(
    found: Any, counts: Any, seq_len: int, sparsity: int, seed: int, smoothing: float
) -> None:
    table = np.array(counts, float) + smoothing
    assert_random_attention(found, len(table), seq_len, sparsity)
    np.testing.assert_allclose(found.transition, table / table.sum(axis=0), rtol=1e-12)


def related(found: Any, task: Any, correlation: float, seed: int) -> None:
    assert_sound(found)
    P, mu, Q = parts(task)
    np.testing.assert_array_equal(found.attention, Q)
    assert np.abs(found.stationary - mu).max() < 1e-9, "mu has moved"
    old, new = P - mu[:, None], found.transition - mu[:, None]
    (before, _), (after, _) = lengths(task), lengths(found)
    assert after <= before + 1e-12
    if min(before, after) > SLIGHT:
        cosine = (old * new @ mu).sum() / np.sqrt(before * after)
        assert abs(cosine - correlation) < 1e-7 / np.sqrt(after), "not the correlation asked for"


def facts(found: Any, task: Any) -> dict[str, Any]:
    P, mu, Q = parts(task)
    assert_sound(task)
    K_P, K_Q = lengths(task)
    norm = float((Q**2 @ mu).sum())
    assert found["repr"].startswith("SCBTask(vocab_size=")
    return {
        "attention": Q, "vocab_size": len(mu), "sparsity": int((Q > 0).sum(axis=0).max()),
        "K_P": K_P, "K_Q": K_Q, "norm_Q_squared": norm, "stationary": mu, "transition": P,
        "seq_len": len(Q), "bayes_loss": 0.5 * (1 - float(mu @ mu) - norm * K_P),
        "repr": found["repr"],
    }  # fmt: skip


def sample(found: Any, task: Any, batch_size: int, seed: int, step: int) -> Any:
    P, mu, Q = parts(task)
    assert type(found) is scb.Batch
    wanted = reference.sample(P, mu, Q, batch_size, seed, step)
    return scb.Batch(*(each.astype(np.uint8) for each in wanted))


def transition_matrix(found: Any, value: Any) -> Array:
    return np.asarray(value, float) / np.sum(np.asarray(value, float), axis=0)


# --- model, loss, gradients -----------------------------------------------------------------------


def uniform_start(found: Any, task: Any) -> Any:
    _, mu, Q = parts(task)
    return scb.Params(np.full(Q.shape, 1 / len(Q)), np.outer(mu, np.ones(len(mu))))


def true_params(found: Any, task: Any) -> Any:
    return scb.Params(task.attention, task.transition)


def check_params(found: Any, task: Any, params: Any) -> Any:
    return scb.Params(*params)


def transfer_start(found: Any, task: Any, P_hat: Any, theta: float, recentre: bool) -> Any:
    (A, V), P_hat, mu = uniform_start(found, task), np.asarray(P_hat, float), task.stationary
    if recentre:
        P_hat = P_hat - np.outer(P_hat @ mu - mu, np.ones(len(mu)))
    return scb.Params(A, theta * P_hat + (1 - theta) * V)


def predict(found: Any, params: Any, batch: Any) -> Array:
    (A, V), pairs = params, zip(batch.tokens, batch.last, strict=True)
    rows = [reference.predict(A, V, tokens, last) for tokens, last in pairs]
    return np.array(rows).reshape(-1, len(V))


def column_moments(task: Any, A: Array, k: int) -> tuple[Array, Array]:
    """E[Xa (Xa)'] and E[e_{x_o} (Xa)'] for last token k, position by position."""
    (P, mu, Q), a = parts(task), A[:, k]
    second, match, alone = np.zeros_like(P), np.zeros_like(P), np.outer(mu, mu)
    for s in range(len(a)):
        match = match + a[s] * (Q[s, k] * P * mu + (1 - Q[s, k]) * alone)
        for t in range(len(a)):
            second = second + a[s] * a[t] * (np.diag(mu) if s == t else alone)
    return second, match


def population_loss(found: Any, task: Any, params: Any) -> float:
    (A, V), total = params, 0.0
    for k, chance in enumerate(task.stationary):
        second, match = column_moments(task, A, k)
        total += chance * 0.5 * float(1 + np.trace(V @ second @ V.T) - 2 * np.trace(V.T @ match))
    return total


def population_gradients(found: Any, task: Any, params: Any) -> Any:
    (P, mu, Q), (A, V) = parts(task), params
    grad_A, grad_V, square, alone = np.zeros_like(A), np.zeros_like(V), V.T @ V, np.outer(mu, mu)
    for k, chance in enumerate(mu):
        second, match = column_moments(task, A, k)
        grad_V += chance * (V @ second - match)
        for t in range(len(A)):
            moved = A[t, k] * np.diag(mu) + (A[:, k].sum() - A[t, k]) * alone
            law = Q[t, k] * P * mu + (1 - Q[t, k]) * alone
            grad_A[t, k] = chance * float((square * moved).sum() - (V * law).sum())
    return Gradients(grad_A, grad_V)


def preconditioned(found: Any, task: Any, params: Any) -> Any:
    if off_constraints(task, params) > 1e-9:
        return None
    return precondition(found, task, population_gradients(found, task, params))


def off_constraints(task: Any, params: Any) -> float:
    (A, V), mu = params, task.stationary
    gaps = A.sum(axis=0) - 1, V.sum(axis=0) - 1, V @ mu - mu
    return float(max(np.abs(gap).max() for gap in gaps))


def minibatch_gradients(
    found: Any, task: Any, params: Any, batch_size: int, seed: int, step: int, device: str = "cpu"
) -> Any:
    return Gradients(*reference.gradients(*params, task.sample(batch_size, seed, step)))


def precondition(found: Any, task: Any, gradients: Any, centred: bool = False) -> Any:
    return Gradients(*reference.precondition(*gradients, task.stationary, centred))


def least_squares_value(found: Any, task: Any, A: Array) -> Array | None:
    if np.abs(np.sum(A, axis=0) - 1).max() > 1e-12:
        return None
    moments = [column_moments(task, A, k) for k in range(len(task.stationary))]
    second, match = (np.tensordot(task.stationary, each, 1) for each in zip(*moments, strict=True))
    return match @ np.linalg.inv(second) if np.linalg.cond(second) < 1e4 else None


def target_law(found: Any, task: Any, tokens: Any, last: int) -> Array:
    P, _, Q = parts(task)
    return np.asarray(sum(q * P[:, token] for q, token in zip(Q[:, last], tokens, strict=True)))


def joint_probabilities(found: Any, task: Any, last: int, position: int) -> Array:
    (P, mu, Q), out = parts(task), np.zeros_like(task.transition)
    for m in range(len(mu)):
        out[:, m] = mu[m] * (Q[position, last] * P[:, m] + (1 - Q[position, last]) * mu)
    return out


# --- signals and updates --------------------------------------------------------------------------


def signals(found: Any, task: Any, params: Any) -> Any:
    (P, mu, Q), (A, V), (K_P, K_Q) = parts(task), params, lengths(task)
    if min(K_P, K_Q) < SLIGHT:
        return None
    flat, trivial = np.full(Q.shape, 1 / len(Q)), np.outer(mu, np.ones(len(mu)))
    v = float(((V - trivial) * P @ mu).sum()) / K_P  # Lemma C.1, on the constraints or off
    a = float(((A - flat) * Q @ mu).sum()) / K_Q
    off = V - v * P - (1 - v) * trivial, A - a * Q - (1 - a) * flat, V - P, A - Q
    return scb.Signals(v, a, *(float(np.sqrt((each**2 @ mu).sum())) for each in off))


def inner(found: Any, x: Any, y: Any, mu: Any) -> float:
    return float((x * y @ mu).sum())


def residuals(found: Any, task: Any, params: Any) -> Any:
    if (s := signals(found, task, params)) is None:
        return None
    (P, mu, Q), (A, V) = parts(task), params
    return scb.Params(
        A - s.alpha_A * Q - (1 - s.alpha_A) / len(Q),
        V - s.alpha_V * P - (1 - s.alpha_V) * mu[:, None],
    )


def similarity(found: Any, task: Any, params: Any) -> Any:
    (P, mu, Q), (A, V) = parts(task), params
    cosines = []
    for x, y in ((V - mu[:, None], P - mu[:, None]), (A - 1 / len(Q), Q - 1 / len(Q))):
        size = float(np.sqrt((x**2 @ mu).sum() * (y**2 @ mu).sum()))
        if 0 < size < SLIGHT or not np.isfinite(size):
            return None
        cosines.append(float((x * y @ mu).sum()) / size if size else 0.0)
    assert max(map(abs, found)) <= 1 + 1e-12
    return type(found)(*cosines)


def support_recovered(found: Any, task: Any, A: Array) -> NDArray[np.bool_]:
    best = []
    for a, q in zip(np.asarray(A).T, task.attention.T, strict=True):
        others = a[q == 0]
        best.append(others.size == 0 or a[q > 0].min() > others.max())
    return np.array(best)


def gradient_step(
    found: Any, params: Any, gradients: Any, eta_V: float, eta_A: float, l1: float
) -> Any:
    A, V = params.A - eta_A * gradients.A, params.V - eta_V * gradients.V
    return scb.Params(proximal(A, l1), V)


def proximal(A: Array, l1: float) -> Array:
    return reference.project(reference.soft_threshold(A, l1)) if l1 else A


def soft_threshold(found: Any, A: Any, l1: float) -> Array:
    return reference.soft_threshold(np.asarray(A), l1)


def project(found: Any, A: Any) -> Array:
    return reference.project(np.asarray(A))


def threshold_and_project(found: Any, A: Any, level: float) -> Array:
    return reference.project(np.where(np.asarray(A) < level, 0.0, A))


def round_and_normalise(found: Any, A: Any, level: float) -> Array:
    kept = np.where(np.asarray(A) >= level, A, 0.0)
    return kept / kept.sum(axis=0)


def through_softmax(found: Any, A: Any, gradient_A: Any) -> Array:
    columns = zip(np.asarray(A).T, np.asarray(gradient_A).T, strict=True)
    return np.array([(np.diag(a) - np.outer(a, a)) @ g for a, g in columns]).T


def softmax(found: Any, logits: Any) -> Array:
    assert np.abs(found.sum(axis=0) - 1).max() < 1e-12
    powers = np.exp(np.asarray(logits) - np.max(logits, axis=0))
    return np.asarray(powers / powers.sum(axis=0))


def mirrored(A: Any) -> float:
    """How much further the smallest entries lie below 1/T than the largest lie above it."""
    return float((2 / len(A) - np.min(A, axis=0) - np.max(A, axis=0)).sum())


def looks_mirrored(found: Any, A: Any) -> bool | None:
    return None if abs(mirrored(A)) < SLIGHT * (1 + np.abs(A).max()) else mirrored(A) > 0


def reflect(found: Any, task: Any, params: Any) -> Any:
    (A, V), mu = params, task.stationary
    return scb.Params(2 / len(A) - A, 2 * mu[:, None] - V)


def normalised(found: Any, task: Any, params: Any) -> Any:
    s = signals(found, task, params)
    if s is None or s.alpha_A < SLIGHT:
        return None
    level = s.alpha_A / (2 * task.sparsity)
    if np.abs(params.A - level).min() < SLIGHT:
        return None
    rounded = round_and_normalise(None, params.A, level)
    value = least_squares_value(None, task, rounded)
    return None if value is None else scb.Params(rounded, value)


# --- dynamics and noise ---------------------------------------------------------------------------


def signal_step(
    found: Any, alpha_V: float, alpha_A: float, eta: float, K_Q: float, seq_len: int
) -> tuple[float, float]:
    if not eta:
        return alpha_V, alpha_A
    push_V = K_Q * (1 - alpha_A * alpha_V) * alpha_A + (1 - alpha_V) / seq_len
    return alpha_V + eta / K_Q * push_V, alpha_A + eta * (1 - alpha_V * alpha_A) * alpha_V


def signal_path(found: Any, task: Any, eta: float, steps: int, start: Any) -> Array:
    path, K_Q = [tuple(map(float, start))], lengths(task)[1]
    assert K_Q > 1e-15 or not steps * eta, NO_RATE
    for _ in range(steps):
        path.append(signal_step(None, *path[-1], eta, K_Q, task.seq_len))
    return np.array(path)


def variances(found: Any, task: Any, params: Any) -> None:
    found = np.diagonal(found, axis1=1, axis2=2) if np.ndim(found) == 3 else np.asarray(found)
    if task.stationary.min() > 1e-6:
        assert found.min() >= -1e-9 * np.abs(found).max(), "a variance is negative"


def moments(found: Any, task: Any, V: Any) -> Any:
    (P, mu, _), V = parts(task), np.asarray(V)
    u, p = V - mu[:, None], P - mu[:, None]
    return type(found)(u, p, np.diag(mu) - np.outer(mu, mu), u * mu @ u.T, u * mu @ p.T)


def realised(found: Any, task: Any, params: Any, batch_size: int, seed: int, step: int) -> Any:
    raw = minibatch_gradients(None, task, params, batch_size, seed, step)
    expected = preconditioned(None, task, params)
    if expected is None:
        return None
    pairs = zip(precondition(None, task, raw), expected, strict=True)
    return Noise(*(got - mean for got, mean in pairs))


def draw(found: Any, task: Any, params: Any, batch_size: int, rng: Any) -> None:
    assert type(found) is Noise
    assert [each.shape for each in found] == [each.shape for each in params]
    if task.stationary.min() < 1e-6:
        return
    for gap in (found.A.sum(axis=0), found.V.sum(axis=0), found.V @ task.stationary):
        assert np.abs(gap).max() <= 1e-9 * (1 + np.abs(found.A).max() + np.abs(found.V).max())


# --- training -------------------------------------------------------------------------------------


def assert_history(history: Any) -> None:
    assert tuple(history) == HISTORY_COLUMNS
    counts = {"step", "stage", "samples"}
    for name, column in history.items():
        assert column.dtype == (np.int64 if name in counts else np.float64), name
        assert column.shape == history["step"].shape
        assert len(column) > 0, "there is no row for the start"
        assert name not in counts or (np.diff(column) >= 0).all(), name
    assert history["step"][0] == history["samples"][0] == 0


def train(
    found: Any, task: Any, stages: Any, params: Any, seed: int, device: str, progress: bool,
    record_every: int,
) -> None:  # fmt: skip
    assert type(found) is scb.Run
    assert found.status in ("finished", "diverged", "nothing to round")
    assert_history(found.history)
    last = [found.history[name][-1] for name in scb.Signals._fields]
    assert last == list(scb.signals(task, found.params)), "the last row is of other parameters"
    assert found.history["loss"][-1] == scb.population_loss(task, found.params)
    stages = (stages,) if isinstance(stages, Stage) else tuple(stages)
    assert found.stages == stages
    assert len(found.reached) <= len(stages)
    start = uniform_start(None, task) if params is None else scb.Params(*params)
    wanted = replay(task, stages, start, seed) if found.status == "finished" else None
    if wanted is not None and device == "cpu":
        size = max(np.abs(each).max() for each in wanted)
        for got, want in zip(found.params, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-7 * size)


def replay(task: Any, stages: Any, params: Any, seed: int) -> Any:
    """Parameters after all stages; None where something was too close to call, or too large."""
    (A, V), mu, step = params, task.stationary, 0
    for stage in stages:
        for transform in stage.before:
            if (done := transformed(task, A, V, transform)) is None:
                return None
            A, V = done
        softly = stage.attention == "softmax" and not stage.freeze_A
        logits = np.log(A) if softly else A
        for _ in range(stage.steps):
            batch = task.sample(stage.batch_size, seed, step)
            g_A, g_V = raw = reference.gradients(A, V, batch)
            step += 1
            if stage.preconditioned:
                g_A, g_V = reference.precondition(*raw, mu, stage.centred)
            if softly:
                g_A = through_softmax(None, A, raw[0]) / (mu if stage.preconditioned else 1)
                logits = logits - stage.eta_A * g_A
                A = softmax(np.full(A.shape, 1 / len(A)), logits)
            elif not stage.freeze_A:
                A = proximal(A - stage.eta_A * g_A, stage.l1)
            V = V - stage.eta_V * g_V
            if not max(np.abs(A).max(), np.abs(V).max()) < 100:
                return None
            if stage.until is not None:
                if (s := signals(None, task, scb.Params(A, V))) is None:
                    return None
                largest = max(abs(s.alpha_V), abs(s.alpha_A))
                level = largest if stage.until == "max_signal" else abs(s.alpha_V + s.alpha_A) / 2
                if abs(level - stage.target) < SLIGHT:
                    return None
                if level >= stage.target:
                    break
    return scb.Params(A, V)


def transformed(task: Any, A: Array, V: Array, transform: Transform) -> Any:
    if transform.kind == "least_squares":
        value = least_squares_value(None, task, A)
        return None if value is None else (A, value)
    if transform.kind == "reflect":
        if abs(mirrored(A)) < SLIGHT:
            return None
        return reflect(None, task, scb.Params(A, V)) if mirrored(A) > 0 else (A, V)
    s = signals(None, task, scb.Params(A, V))
    if s is None:
        return None
    level = transform.level / task.sparsity * (s.alpha_V if transform.kind == "threshold" else 1)
    if np.abs(A - level).min() < SLIGHT:
        return None
    change = threshold_and_project if transform.kind == "threshold" else round_and_normalise
    return change(None, A, level), V


def simulate(
    found: Any, task: Any, stages: Any, seed: int, start: Any, sampled: Any, record_every: int
) -> None:
    assert_history(found)
    if min(lengths(task)) > 1e-6 and max(np.abs(start)) < 1e3:
        assert abs(found["alpha_V"][0] - start[0]) < 1e-6
        assert abs(found["alpha_A"][0] - start[1]) < 1e-6


# --- screening ------------------------------------------------------------------------------------


def pair_counts(found: Any, batch: Any, vocab_size: int) -> Any:
    tokens, last, target = map(np.asarray, batch)
    counts = np.zeros((vocab_size, tokens.shape[1], vocab_size, vocab_size), np.int64)
    for sequence, k, n in zip(tokens, last, target, strict=True):
        for t, m in enumerate(sequence):
            counts[k, t, m, n] += 1
    return counts


def chi_square(found: Any, counts: Any) -> Array:
    tables, out = np.asarray(counts, float), np.zeros(np.shape(counts)[:2])
    for (k, t), total in np.ndenumerate(tables.sum(axis=(2, 3))):
        table = tables[k, t]
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(total, 1)
        on = expected > 0
        out[k, t] = ((table - expected)[on] ** 2 / expected[on]).sum()
    return out


def strongest(found: Any, scores: Any, sparsity: int) -> Any:
    rows = [sorted(range(len(row)), key=lambda t: (-row[t], t))[:sparsity] for row in scores]
    return np.array([sorted(row) for row in rows])


def estimate(found: Any, counts: Any, positions: Any) -> None:
    (A, V), where = found, np.asarray(positions)
    rest = A.copy()
    rest[where, np.arange(len(V))[:, None]] = 0
    assert not rest.any()
    assert np.abs(A.sum(axis=0) - 1).max() < 1e-6
    assert np.abs(V.sum(axis=0) - 1).max() < 1e-6


# --- stages ---------------------------------------------------------------------------------------


def new_stage(found: Any, **options: Any) -> Any:
    kinds = dict.fromkeys(("steps", "batch_size"), int) | dict.fromkeys(
        ("preconditioned", "freeze_A", "centred"), bool
    )
    kinds |= dict.fromkeys(("eta_V", "eta_A", "l1", "target"), float)
    kinds |= {"name": str, "attention": str, "before": tuple, "until": type(options["until"])}
    return assert_fields(found, Stage, kinds, options)


def new_transform(found: Any, **options: Any) -> Any:
    return assert_fields(found, Transform, {"kind": str, "level": float}, options)


def assert_fields(found: Any, of: type, kinds: dict[str, type], options: dict[str, Any]) -> None:
    assert type(found) is of
    for name, value in options.items():
        assert getattr(found, name) == value, name
        assert type(getattr(found, name)) is kinds[name], f"{name} is no {kinds[name].__name__}"
    assert hash(found) == hash(dataclasses.replace(found))
    assert pickle.loads(pickle.dumps(found)) == found


def met(found: Any, alpha_V: float, alpha_A: float) -> bool:
    return max(abs(alpha_V), abs(alpha_A)) >= 0.5


def recipe(found: Any, task: Any, **options: Any) -> None:
    assert min(lengths(task)) > 1e-15, NO_RATE
    K_P, K_Q = task.K_P, task.K_Q
    for stage in [found] if isinstance(found, Stage) else found:
        new_stage(stage, **vars(stage))
        if stage.eta_V and stage.eta_A and stage.attention == "linear":
            np.testing.assert_allclose(stage.eta_V * K_Q, stage.eta_A * K_P, rtol=1e-12)
        if stage.steps:
            assert stage.batch_size in {v for name, v in options.items() if "batch" in name} | {
                1024,
                4096,
            }


# --- sweeps and threads ---------------------------------------------------------------------------


def cells(found: Any, grid: Any) -> list[dict[str, Any]]:
    if not isinstance(grid, dict):
        return [dict(cell) for cell in grid]
    rows: list[dict[str, Any]] = [{}]
    for name, values in grid.items():
        values = list(values)
        rows = [{**row, name: value} for row in rows for value in values]
    return rows


def sweep(found: Any, run_one: Any, grid: Any, **options: Any) -> None:
    every = [(cell, cell.get("x", 1)) for cell in cells(None, grid)]
    rows = [{**cell, "y": x * x, "z": z} for cell, x in every for z in (x, 0.5)]
    names = [*dict.fromkeys(name for cell, _ in every for name in cell), "y", "z"]
    assert list(found.columns) == names
    assert len(found) == len(rows)
    for name in names:
        for got, row in zip(found[name].tolist(), rows, strict=True):
            assert got == row[name] if name in row else got is None or got != got, name


def set_num_threads(found: Any, n: int) -> None:
    assert found is None
    assert scb.engines.get_num_threads() == n
