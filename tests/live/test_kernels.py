"""The kernels that a page runs are the library's, bit for bit, and refuse what it refuses."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wasmtime
from numpy.typing import NDArray
from playwright._impl._driver import compute_driver_executable

import scbtools as scb
from scbtools import population, recipes, updates
from scbtools.kernels.value import precondition_value
from tests.examples import away, uneven_task
from tools import make_wasm

LIVE = make_wasm.ARTEFACT.parent
HERE = Path(__file__).parent
KINDS = {"Float64Array": np.float64, "Uint16Array": np.uint16}

# N, T, S: every way to draw tokens, N up to 64, and rows that no lane or strip divides.
SHAPES = [
    (2, 1, 1), (2, 7, 3), (3, 500, 2), (3, 3000, 9), (4, 129, 8), (5, 512, 1), (7, 1025, 10),
    (10, 1000, 2), (11, 33, 4), (12, 300, 3), (13, 2, 2), (20, 511, 5), (33, 130, 8), (40, 64, 10),
    (64, 257, 6),
]  # fmt: skip


def told(x: Any) -> Any:
    """What node wrote, as NumPy arrays and numbers."""
    if isinstance(x, list):
        return [told(item) for item in x]
    if not isinstance(x, dict):
        return x
    if "number" in x:
        return float(x["number"])
    for name, kind in KINDS.items():
        if name in x:
            return np.frombuffer(base64.b64decode(x[name]), kind)
    return {name: told(item) for name, item in x.items()}


def in_node(folder: Path, cases: list[dict[str, Any]]) -> list[list[Any]]:
    """What scb.mjs makes of cases, in one process."""
    node = shutil.which("node") or compute_driver_executable()[0]
    given, out = folder / "cases.json", folder / "out.json"
    given.write_text(json.dumps(cases))
    command = [node, HERE / "run_cases.mjs", LIVE / "scb.mjs", given, out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[list[Any]] = told(json.loads(out.read_text()))
    return found


def sparse(task: scb.SCBTask) -> dict[str, Any]:
    positions, weights, _ = task.sparse_attention
    rows = {"positions": positions.tolist(), "weights": weights.tolist(), "seqLen": task.seq_len}
    return {"transition": task.transition.tolist(), **rows}


def dense(task: scb.SCBTask) -> dict[str, Any]:
    return {"transition": task.transition.tolist(), "attention": task.attention.tolist()}


def rough_task(n: int, t: int, s: int, seed: int) -> tuple[scb.SCBTask, dict[str, Any]]:
    """A task whose sums need mending, and as a page is given it."""
    rng = np.random.default_rng(seed)
    P = rng.random((n, n)) * (rng.random((n, n)) < 0.8) + 1e-3
    P /= P.sum(axis=0)
    positions = np.array([rng.choice(t, min(s, t), replace=False) for _ in range(n)])
    weights = rng.random(positions.shape)
    weights /= weights.sum(axis=1, keepdims=True) * (1 + 1e-11 * rng.random((n, 1)))
    if seed % 3:
        given = {"positions": positions.tolist(), "weights": weights.tolist(), "seqLen": t}
        task = scb.SCBTask.from_sparse(P, positions, weights, t)
    else:
        Q = np.zeros((t, n))
        Q[positions.T, np.arange(n)] = weights.T
        given, task = {"attention": Q.tolist()}, scb.SCBTask(P, Q)
    return task, {"transition": P.tolist(), **given}


def names_of(options: dict[str, Any]) -> dict[str, Any]:
    """A stage's options by the names that scb.mjs has for them."""
    names = {"batch_size": "batchSize", "eta_A": "etaA", "eta_V": "etaV", "freeze_A": "frozen"}
    return {names.get(name, name): value for name, value in options.items()}


RULES: list[dict[str, Any]] = [
    {},
    {"preconditioned": False},
    {"l1": 1e-4, "centred": True},
    {"l1": 2e-3, "preconditioned": False},
    {"freeze_A": True, "centred": True},
    {"until": "max_signal", "target": 0.05},
    {"until": "mean_signal", "target": 0.02, "l1": 1e-5},
    {"eta_A": 1e9, "eta_V": 1e9},  # diverges
]

TASK = [
    ["task.K_P"], ["task.K_Q"], ["task.stationary"], ["task.normQ2"], ["task.bayesLoss"],
    ["task.sparsity"], ["task.sample", 5, {"seed": {"bigint": str(2**63 + 5)}, "step": 2**32 - 1}],
]  # fmt: skip
STATE = [["run.A"], ["run.V"], ["run.steps"], ["run.signals"], ["run.loss"], ["run.looksMirrored"]]


def same(found: Any, wanted: Any) -> bool:
    return np.array_equal(np.asarray(found), np.asarray(wanted))


def same_state(found: list[Any], task: scb.SCBTask, params: scb.Params, steps: int) -> None:
    """Compare what STATE tells with parameters."""
    A, V, taken, signals, loss, mirrored = found
    assert taken == steps
    assert same(A, params.A.T)
    assert same(V, params.V)
    assert signals == scb.signals(task, params)._asdict()
    assert loss == scb.population_loss(task, params)
    assert mirrored == updates.looks_mirrored(params.A)


def step_case(index: int) -> tuple[dict[str, Any], scb.SCBTask, scb.Stage, scb.Params]:
    """A task, a rule and a start, no two alike, and what node is to do with them."""
    task, given = rough_task(*SHAPES[index % len(SHAPES)], seed=index)
    options = {"batch_size": (1, 17, 70)[index % 3], "eta_A": 0.02, "eta_V": 0.1}
    options |= RULES[index % len(RULES)]
    start = away(task, index, 0.5) if index % 2 else scb.uniform_start(task)
    if options.get("freeze_A"):
        start = scb.Params(updates.threshold_and_project(start.A, 0.02) * (start.A > 0), start.V)
    calls = [
        *TASK,
        ["scb.trainer", {"seed": 2**53 - index, **names_of(options)}],
        ["run.reset", {"A": start.A.T.tolist(), "V": start.V.tolist()}],
        *STATE,
        ["run.step", 6],
        *STATE,
        ["run.gradients", 21, 5],
    ]
    return {"task": given, "calls": calls}, task, scb.Stage("one", 6, **options), start


INDICES = range(len(SHAPES) * 3)


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    return in_node(tmp_path_factory.mktemp("steps"), [step_case(index)[0] for index in INDICES])


def test_the_artefact_is_of_these_sources() -> None:
    """A kernel changed, or its exports, and the page would run the old one."""
    module = make_wasm.ARTEFACT.read_bytes()
    section = make_wasm.SECTION + make_wasm.source_stamp().encode()
    assert module.endswith(section), "run `make wasm` and commit book/_static/live/scb.wasm"


def test_the_artefact_is_small_and_needs_nothing() -> None:
    module = wasmtime.Module(wasmtime.Engine(), make_wasm.ARTEFACT.read_bytes())
    assert make_wasm.ARTEFACT.stat().st_size <= 64_000
    assert module.imports == []
    names = {export.name for export in module.exports}
    assert names == {*make_wasm.wasm_exports.EXPORTS, "memory", "__heap_base"}


def test_the_stamp_sees_every_kernel_but_no_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constants deep down count as code does; docstrings do not."""
    from scbtools.kernels import sums, tokens

    before = make_wasm.source_stamp()
    monkeypatch.setattr(sums.lane_sum.py_func, "__doc__", "Another text.")
    assert make_wasm.source_stamp() == before
    monkeypatch.setattr(tokens, "TILE", tokens.TILE + 512)
    assert make_wasm.source_stamp() != before


@pytest.mark.parametrize("index", INDICES)
def test_a_page_computes_what_the_library_does(index: int, stepped: list[list[Any]]) -> None:
    """Tasks, tokens, steps by every rule, signals, losses and gradients have the same bits."""
    _, task, stage, start = step_case(index)
    made, *found = stepped[index]
    assert made is None
    numbers, (sample, _, _), found = found[:6], found[6:9], found[9:]
    wanted = (
        task.K_P, task.K_Q, task.stationary, task.norm_Q_squared, task.bayes_loss(), task.sparsity,
    )  # fmt: skip
    assert all(map(same, numbers, wanted))
    batch = task.sample(5, 2**63 + 5, 2**32 - 1)
    assert all(same(sample[name], part) for name, part in batch._asdict().items())
    same_state(found[:6], task, start, 0)
    run = scb.train(task, stage, start, seed=2**53 - index, record_every=1)
    taken, diverged = int(run.history["step"][-1]), run.status == "diverged"
    met = stage.until is not None and all(run.reached)
    status = "diverged" if diverged else "reached" if met else "ran"
    assert found[6] == {"taken": taken, "status": status}
    same_state(found[7:13], task, run.params, taken)
    grad = scb.minibatch_gradients(task, run.params, 21, 2**53 - index, 5)
    assert same(found[13]["A"], grad.A.T)
    assert same(found[13]["V"], grad.V)


def test_the_whole_algorithm_ends_at_the_same_bits(tmp_path: Path) -> None:
    """Boost, reflect, threshold, learn, settle, round, finish, polish: driven from the page."""
    task = scb.SCBTask.random(3, 500, 2, seed=3)
    stages = recipes.three_stage(task, 256, finish_batch_size=512, finish_steps=60)
    plain = []
    for stage in stages:
        names = ("batch_size", "eta_A", "eta_V", "l1", "preconditioned", "centred", "freeze_A")
        options = names_of({name: getattr(stage, name) for name in (*names, "until", "target")})
        before = [{"kind": x.kind, "level": x.level} for x in stage.before]
        plain.append({"steps": stage.steps, "before": before, **options})
    case = {"task": dense(task), "calls": [["scb.trainer", {"seed": 5}], ["train", plain]]}
    found = in_node(tmp_path, [case])[0][2]
    run = scb.train(task, stages, seed=5, record_every=10**9)
    assert run.status == "finished"
    assert same(found["A"], run.params.A.T)
    assert same(found["V"], run.params.V)
    columns = ("loss", "alpha_V", "alpha_A", "delta_V", "delta_A", "error_V", "error_A")
    assert same(found["history"], np.array([run.history[name] for name in columns]).T)


def test_what_is_done_between_steps_has_the_same_bits(tmp_path: Path) -> None:
    """Reflected, thresholded, rounded, solved for V, preconditioned; a copy goes its own way."""
    cases, tasks = [], []
    for i, (n, t, s) in enumerate(SHAPES):
        task, given = rough_task(n, t, s, i)
        start = away(task, i, 0.5)
        rows = {"A": start.A.T.tolist(), "V": start.V.tolist()}
        calls = [["scb.trainer"], ["run.reset", rows]]
        for call in (["reflect"], ["threshold", 0.01], ["round", 0.001], ["leastSquares"]):
            calls += [[f"run.{call[0]}", *call[1:]], ["run.A"], ["run.V"]]
        centred = i % 2 == 1
        calls += [["scb.precondition", rows, centred], ["scb.signalStep", 0.3, 0.2, 0.05, 0.4, t]]
        calls += [["fork"]]
        cases.append({"task": given, "calls": calls})
        tasks.append((task, start))
    made = zip(tasks, in_node(tmp_path, cases), strict=True)
    for i, ((task, start), results) in enumerate(made):
        found, centred = results[3:], i % 2 == 1
        turned = updates.reflect(task, start)
        cut = updates.threshold_and_project(turned.A, 0.01)
        rounded = updates.round_and_normalise(cut, 0.001)
        solved = population.least_squares_value(task, rounded)
        wanted = [turned, (cut, turned.V), (rounded, turned.V), (rounded, solved)]
        for j, (A, V) in enumerate(wanted):
            assert same(found[3 * j + 1], A.T)
            assert same(found[3 * j + 2], V)
        grad = scb.precondition(task, population.Gradients(*start), centred)
        assert same(found[12]["A"], grad.A.T)
        assert same(found[12]["V"], grad.V)
        assert found[13] == list(population.signal_step(0.3, 0.2, 0.05, 0.4, task.seq_len))
        assert same(found[14]["before"], rounded.T.ravel())
        assert same(found[14]["copy"], found[14]["own"])
        # With one position there is nowhere to go: its entry stays 1.
        assert task.seq_len == 1 or not same(found[14]["copy"], found[14]["before"])


P = [[0.5, 0.25], [0.5, 0.75]]
Q = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
NAN = {"number": "NaN"}
ENTRIES = {"positions": [[0, 1], [1, 2]], "weights": [[0.5, 0.5], [0.25, 0.75]], "seqLen": 3}

BAD_TASKS: list[dict[str, Any]] = [
    {"transition": [[0.5, 0.5]], "attention": Q},
    {"transition": [0.5, 0.5], "attention": Q},
    {"transition": [[1.0]], "attention": Q},
    {"transition": [[0.5, 0.5], [0.5]], "attention": Q},
    {"transition": [[0.5, 1.25], [0.5, -0.25]], "attention": Q},
    {"transition": [[0.5, 0.25], [0.5, 0.7501]], "attention": Q},
    {"transition": [[0.5, 0.25], [NAN, 0.75]], "attention": Q},
    {"transition": [[1.0, 0.25], [0.0, 0.75]], "attention": Q},
    {"transition": [[0.5, 0.0], [0.5, 1.0]], "attention": Q},
    {"transition": [[1 - 1e-14, 1 - 1e-14], [1e-14, 1e-14]], "attention": Q},
    {"transition": P, "attention": [[1.0, 0.0, 0.0]]},
    {"transition": P, "attention": [[1.0, 0.0], [0.0, 0.0]]},
    {"transition": P, "attention": [[1.0, 0.5], [-0.0, 0.4]]},
    {"transition": P, "attention": [[1.5, 1.0], [-0.5, 0.0]]},
    {"transition": P, "attention": []},
    {"transition": P, **ENTRIES, "seqLen": 2},
    {"transition": P, **ENTRIES, "seqLen": 0},
    {"transition": P, **ENTRIES, "seqLen": 2.5},
    {"transition": P, **ENTRIES, "positions": [[0, 0], [1, 2]]},
    {"transition": P, **ENTRIES, "positions": [[0, -1], [1, 2]]},
    {"transition": P, **ENTRIES, "positions": [[0, 0.5], [1, 2]]},
    {"transition": P, **ENTRIES, "positions": [[0, 1]]},
    {"transition": P, **ENTRIES, "weights": [[0.5], [0.25]]},
    {"transition": P, **ENTRIES, "weights": [[0.5, 0.5], [0.25, 0.5]]},
    {"transition": P, **ENTRIES, "weights": [[0.5, 0.5], [1.25, -0.25]]},
]


def refusal(work: Any) -> tuple[str, str]:
    with pytest.raises((TypeError, ValueError)) as caught:
        work()
    return caught.type.__name__.replace("ValueError", "RangeError"), str(caught.value)


def with_nan(x: Any) -> Any:
    if isinstance(x, list):
        return [with_nan(item) for item in x]
    return float("nan") if x == NAN else x


def test_a_page_refuses_tasks_in_the_words_of_the_library(tmp_path: Path) -> None:
    results = in_node(tmp_path, [{"task": given, "calls": []} for given in BAD_TASKS])
    for given, (found,) in zip(BAD_TASKS, results, strict=True):
        plain = {name.replace("seqLen", "seq_len"): with_nan(x) for name, x in given.items()}
        make = scb.SCBTask if "attention" in plain else scb.SCBTask.from_sparse
        assert (found["kind"], found["message"]) == refusal(lambda m=make, p=plain: m(**p))


def test_a_page_refuses_calls_in_the_words_of_the_library(tmp_path: Path) -> None:
    task = scb.SCBTask(P, Q)
    start = scb.uniform_start(task)
    huge = scb.Params(start.A * 1e13, start.V)

    def stage(**options: Any) -> Any:
        return lambda: scb.Stage("one", 1, **options)

    cases: list[tuple[list[Any], Any]] = [
        (["task.sample", 0], lambda: task.sample(0)),
        (["task.sample", 1.5], lambda: task.sample(1.5)),  # type: ignore[arg-type]
        (["task.sample", "two"], lambda: task.sample("two")),  # type: ignore[arg-type]
        (["task.sample", 1, {"seed": -1}], lambda: task.sample(1, -1)),
        (["task.sample", 1, {"seed": 0.5}], lambda: task.sample(1, 0.5)),  # type: ignore[arg-type]
        (["task.sample", 1, {"step": 2**32}], lambda: task.sample(1, 0, 2**32)),
        (["scb.trainer", {"batchSize": 0}], stage(batch_size=0)),
        (["scb.trainer", {"etaA": -1}], stage(eta_A=-1)),
        (["scb.trainer", {"etaV": NAN}], stage(eta_V=float("nan"))),
        (["scb.trainer", {"l1": -1e-7}], stage(l1=-1e-7)),
        (["scb.trainer", {"l1": "much"}], stage(l1="much")),
        (["scb.trainer", {"frozen": 1}], stage(freeze_A=1)),
        (["scb.trainer", {"until": "later"}], stage(until="later")),
        (["scb.trainer", {"until": 3}], stage(until=3)),
        (["run.step", -1], lambda: refused("n must be at least 0 and at most 4294967295, got -1")),
        (["run.threshold", NAN], lambda: updates.threshold_and_project(start.A, float("nan"))),
        (["run.round", 0], lambda: updates.round_and_normalise(start.A, 0)),
        (["run.round", 0.9], lambda: updates.round_and_normalise(start.A, 0.9)),
        (["run.reset", {"A": P}], lambda: refused("A must have shape (2, 3), got (2, 2)")),
        (
            ["run.reset", {"V": [[1, 0], [0, NAN]]}],
            lambda: refused("V has a NaN or infinite entry at row 1, column 1"),
        ),
        (["run.set", {"eta": 1}], None),
        (["run.reset", {"A": huge.A.T.tolist()}], None),
        (["run.gradients"], lambda: scb.minibatch_gradients(task, huge, 1)),
        (["run.leastSquares"], lambda: population.least_squares_value(task, huge.A)),
        (["scb.signalStep", 0, 0, 1, 0, 3], lambda: population.signal_step(0, 0, 1, 0, 3)),
        (
            ["scb.signalStep", 1e300, 1e300, 1, 1, 3],
            lambda: population.signal_step(1e300, 1e300, 1, 1, 3),
        ),
    ]  # fmt: skip
    calls = [["scb.trainer"], *(call for call, _ in cases)]
    results = in_node(tmp_path, [{"task": {"transition": P, "attention": Q}, "calls": calls}])[0]
    for (call, work), found in zip(cases, results[2:], strict=True):
        if work is not None:
            assert (found["kind"], found["message"]) == refusal(work), call
    assert results[2 + 20] == {"kind": "TypeError", "message": "unknown option 'eta'"}


def refused(message: str) -> None:
    raise ValueError(message)


def test_runs_by_the_thousand_take_no_more_memory(tmp_path: Path) -> None:
    tasks = [sparse(uneven_task(n, t)) for n, t in ((3, 500), (12, 40), (2, 5))]
    case = {"task": None, "calls": [["crowd", {"tasks": tasks, "runs": 1000}]]}
    first, final = in_node(tmp_path, [case])[0][0]
    assert final == first < 8_000_000


def test_exports_stand_on_their_own() -> None:
    """Without scb.mjs: wasmtime, addresses and numbers."""
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, make_wasm.ARTEFACT.read_bytes())
    exports = wasmtime.Instance(store, module, []).exports(store)
    memory, base = exports["memory"], exports["__heap_base"].value(store)
    memory.grow(store, 64)

    def call(name: str, *arguments: Any) -> Any:
        """Call with arrays put into memory, which then hold what the kernel left there."""
        at, places = -(-base // 64) * 64, []
        for x in arguments:
            if isinstance(x, np.ndarray):
                places.append((at, x))
                memory.write(store, x.tobytes(), at)
                at += -(-x.nbytes // 64) * 64
        addresses = iter(place for place, _ in places)
        plain = [next(addresses) if isinstance(x, np.ndarray) else x for x in arguments]
        found = exports[name](store, *plain)
        for place, x in places:
            x[...] = np.frombuffer(memory.read(store, place, place + x.nbytes)).reshape(x.shape)
        return found

    for n, t, s in SHAPES:
        task, _ = rough_task(n, t, s, n)
        mu: NDArray[np.float64] = np.empty(n)
        call("stationary", n, np.array(task.transition.T, order="C"), mu)
        assert same(mu, task.stationary)
        start = away(task, n)
        A, V = np.array(start.A.T, order="C"), np.array(start.V)
        call("reflect", n, t, A, V, mu)
        turned = updates.reflect(task, start)
        assert same(A, turned.A.T)
        assert same(V, turned.V)
        call("precondition", n, t, A, V, mu, n % 2)
        precondition_value(turned.V, mu, n % 2 == 1)
        assert same(V, turned.V)
        call("threshold", n, t, A, 0.01)
        assert call("round_off", n, t, A, 1e9) == 0
