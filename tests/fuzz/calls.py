"""Every public call: its name in `words`, its arguments, and who knows the answer.

Batch, Gradients, Params, Run and Signals are tuples with names, which hold whatever they are given;
what takes them is tried with odd ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.fuzz import kinds as k
from tests.fuzz import oracles
from tests.fuzz.kinds import Kind, choice, integer, maybe, real


class Call(NamedTuple):
    """A function by its name, kinds of its arguments, and its oracle if it has one.

    `finite`: numbers in the answer must be. `may_refuse`: even plain arguments, some of them.
    """

    name: str
    kinds: dict[str, Kind]
    oracle: Any = None
    finite: bool = True
    may_refuse: bool = False

    def __str__(self) -> str:
        return self.name


DEVICE, LAST = choice("cpu", rarely=("'cuda'",)), integer(0, 65534, 0, 1)
ON_TASK = {"task": k.TASK, "params": k.PARAMS}
CONSTRAINED = {"task": k.TASK, "params": k.ON_CONSTRAINTS}
DRAWN = {"batch_size": k.BATCH, "seed": k.SEED, "step": k.STEP}
RATES = {"eta_V": k.RATE, "eta_A": k.RATE}
SIGNALS = {"alpha_V": k.SIGNAL, "alpha_A": k.SIGNAL}
BOUND = {"low": 0.0, "open_low": True}
STAGE = {
    "name": k.TEXT, "steps": k.FEW, "batch_size": k.BATCH, **RATES, "l1": real(0.0, low=0),
    "preconditioned": k.FLAG, "freeze_A": k.FLAG, "attention": choice("linear", "softmax"),
    "before": k.TRANSFORMS, "until": maybe(choice("max_signal", "mean_signal")), "target": k.TARGET,
    "centred": k.RARELY_TRUE,
}  # fmt: skip
BASE = {"task": k.TASK, "batch_size": k.BATCH, "eta": k.RATE, "l1": k.L1}
BOOST = {"boost_target": k.TARGET, "boost_steps": k.FEW}
LEARN = {"learn_batch_size": k.BATCH, "learn_target": k.TARGET, "learn_steps": k.FEW}
FINISH = {
    "settle_steps": k.FEW, "finish_steps": k.FEW, "finish_batch_size": k.BATCH, "reflect": k.FLAG
}  # fmt: skip
METHOD = {"method": choice("proximal", "sgd")}
FIGURE_1 = METHOD | {
    "task": k.TASK, "batch_size": k.BATCH, "eta_1": k.RATE, "eta_2": k.RATE, "l1": k.L1,
    "switch": integer(0, 2**32 - 1, 1, 3, 0), "steps": integer(1, 2**32 - 1, 3, 5),
}  # fmt: skip

CALLS = [
    # tasks
    Call("SCBTask", {"transition": k.P, "attention": k.Q}, oracles.new_task),
    Call("SCBTask.from_sparse", {
        "transition": k.P, "weights": k.WEIGHTS, "seq_len": k.LENGTH, "positions": k.POSITIONS
    }, oracles.from_sparse),
    Call("SCBTask.random", {
        "vocab_size": integer(2, 65535, 3, 2, 8), "seq_len": k.LENGTH, "seed": k.SEED,
        "sparsity": integer(1, 300, 1, 2, 3), "signal": real(1, 0.5, 0, low=0),
        "spread": real(3, 1.5, 1e9, low=1, open_low=True),
    }, oracles.random_task),
    Call("SCBTask.from_bigrams", {
        "counts": k.COUNTS, "seq_len": k.LENGTH, "sparsity": integer(1, 300, 1, 2), "seed": k.SEED,
        "smoothing": real(0, 0.5, low=0),
    }, oracles.from_bigrams),
    Call("task.related", {
        "correlation": real(1.0, -1.0, low=-1, high=1), "seed": k.SEED
    }, oracles.related, may_refuse=True),
    Call("task.sample", DRAWN, oracles.sample),
    Call("facts", {"task": k.OWN_TASK}, oracles.facts),
    Call("markov.transition_matrix", {
        "value": k.P._replace(aka=("transition",))
    }, oracles.transition_matrix),
    Call("markov.stationary_distribution", {"transition": k.P}, oracles.stationary_distribution),
    # the model
    Call("uniform_start", {"task": k.TASK}, oracles.uniform_start),
    Call("true_params", {"task": k.TASK}, oracles.true_params),
    Call("transfer_start", {
        "task": k.TASK, "P_hat": k.P, "theta": real(0.5, 0, 1, low=0, high=1), "recentre": k.FLAG
    }, oracles.transfer_start),
    Call("scb.predict", {"params": k.PARAMS, "batch": k.BATCHES}, oracles.predict),
    Call("transformer.check_params", ON_TASK, oracles.check_params),
    Call("transformer.softmax", {"logits": k.FREE_A}, oracles.softmax),
    Call("scb.minibatch_gradients", ON_TASK | DRAWN | {
        "device": DEVICE
    }, oracles.minibatch_gradients),
    # expectations
    Call("scb.population_loss", ON_TASK, oracles.population_loss),
    Call("scb.population_gradients", ON_TASK, oracles.population_gradients),
    Call("population.preconditioned_population_gradients", CONSTRAINED, oracles.preconditioned),
    Call("population.least_squares_value", {
        "task": k.TASK, "A": k.Q_LIKE
    }, oracles.least_squares_value),
    Call("population.target_law", {
        "task": k.TASK, "tokens": k.TOKENS, "last": LAST
    }, oracles.target_law),
    Call("population.joint_probabilities", {
        "task": k.TASK, "last": LAST, "position": LAST
    }, oracles.joint_probabilities),
    Call("population.signal_step", {  # which takes arrays too
        name: kind._replace(loose=k.without(kind.loose, "np.array([{x}])"))
        for name, kind in (SIGNALS | {
            "eta": k.RATE, "K_Q": real(0.4, **BOUND), "seq_len": integer(1, None, 5, 40)
        }).items()
    }, oracles.signal_step),
    Call("population.signal_path", {
        "task": k.TASK, "eta": k.RATE, "steps": integer(0, 10**15, 3, 0, 1), "start": k.START
    }, oracles.signal_path),
    Call("population.noisy_signal_step", RATES | {
        "task": k.TASK, "before": k.CENTRED, "noise": k.REALISED
    }),
    Call("population.noisy_error_step", RATES | {
        "task": k.TASK, "before": k.CENTRED, "delta": k.RESIDUALS, "noise": k.REALISED
    }),
    # signals
    Call("scb.signals", ON_TASK, oracles.signals),
    Call("scb.similarity", ON_TASK, oracles.similarity),
    Call("residuals", ON_TASK, oracles.residuals),
    Call("scb.support_recovered", {"task": k.TASK, "A": k.A}, oracles.support_recovered),
    Call("inner", {"x": k.V, "y": k.V, "mu": k.MU}, oracles.inner),
    # updates
    Call("scb.precondition", {
        "task": k.TASK, "gradients": k.GRADIENTS, "centred": k.FLAG
    }, oracles.precondition),
    Call("updates.gradient_step", RATES | {
        "params": k.PARAMS, "gradients": k.GRADIENTS, "l1": k.L1
    }, oracles.gradient_step),
    Call("updates.soft_threshold", {"A": k.ANY_SHAPE, "l1": k.L1}, oracles.soft_threshold),
    Call("updates.project", {"A": k.FREE_A}, oracles.project),
    Call("updates.threshold_and_project", {
        "A": k.FREE_A, "level": real(0.3, 0.0, -0.2)
    }, oracles.threshold_and_project),
    Call("updates.round_and_normalise", {
        "A": k.COLUMNS_A, "level": real(0.01, 0.05, **BOUND)
    }, oracles.round_and_normalise),
    Call("updates.through_softmax", {
        "A": k.Q_LIKE._replace(aka=("gradient_A",)), "gradient_A": k.A
    }, oracles.through_softmax),
    Call("updates.looks_mirrored", {"A": k.FREE_A}, oracles.looks_mirrored),
    Call("updates.reflect", ON_TASK, oracles.reflect),
    Call("updates.normalised", {"task": k.TASK, "params": k.RIGHT}, oracles.normalised),
    # screening
    Call("screening.pair_counts", {
        "batch": k.BATCHES, "vocab_size": k.VOCAB
    }, oracles.pair_counts),
    Call("screening.chi_square", {"counts": k.PAIRS}, oracles.chi_square),
    Call("screening.strongest", {
        "scores": k.SCORES, "sparsity": integer(1, None, 1, 2, 4)
    }, oracles.strongest),
    Call("screening.estimate", {
        "counts": k.PAIRS, "positions": k.POSITIONS
    }, oracles.estimate, may_refuse=True),
    # noise
    *(Call(f"noise.{name}", CONSTRAINED, oracles.variances) for name in (
        "attention_entries", "attention_noise", "attention_norm", "residual_covariance",
        "signal_noise", "value_norm",
    )),
    Call("noise.moments", {"task": k.TASK, "V": k.V}, oracles.moments),
    Call("noise.realised", CONSTRAINED | DRAWN, oracles.realised),
    Call("noise.draw", CONSTRAINED | {"batch_size": k.BATCH, "rng": k.RNG}, oracles.draw),
    Call("noise.simulate", {
        "task": k.TASK, "stages": k.SIMULATED, "seed": k.SEED, "start": k.START,
        "sampled": maybe(integer(2, None, 2, 64), "2", "64", extremes=("None",)),
        "record_every": k.EVERY,
    }, oracles.simulate),
    # stages and training
    Call("Stage", STAGE, oracles.new_stage),
    Call("Transform", {
        "kind": choice("reflect", "threshold", "round", "least_squares"),
        "level": real(0.5, 1, **BOUND),
    }, oracles.new_transform),
    Call("Stage('a', 1, until='max_signal', target=0.5).met", SIGNALS, oracles.met),
    Call("scb.train", {
        "task": k.TASK, "stages": k.STAGES, "params": maybe(k.PARAMS), "seed": k.SEED,
        "device": DEVICE, "progress": k.FLAG, "record_every": k.EVERY,
    }, oracles.train),
    # recipes
    Call("recipes.boost", {
        "task": k.TASK, "steps": k.FEW, "batch_size": k.BATCH, "eta": k.RATE,
        "target": maybe(k.TARGET),
    }, oracles.recipe),
    Call("recipes.three_stage", BASE | BOOST | LEARN | FINISH, oracles.recipe),
    Call("recipes.paper_literal", BASE, oracles.recipe),
    Call("recipes.transfer", BASE | LEARN | FINISH | {
        "eta_attend": k.RATE, "cut": real(0.5, 1, **BOUND, aka=("level",))
    }, oracles.recipe),
    *(Call(f"recipes.figure_{number}", FIGURE_1, oracles.recipe) for number in (1, 3, 4)),
    Call("recipes.figure_2", {
        "task": k.TASK, "kind": choice("linear", "softmax"), "batch_size": k.BATCH, "eta": k.RATE,
        "steps": k.FEW, "scale": maybe(k.RATE, "None", extremes=("0.1", "3", "1e13", "1e-300")),
    }, oracles.recipe),
    Call("recipes.figure_5", BASE | BOOST | {
        "stop": k.TARGET, "learn_steps": k.FEW, "later_steps": k.FEW
    }, oracles.recipe),
    Call("recipes.figure_6", METHOD | BASE | BOOST | LEARN, oracles.recipe),
    # sweeps and threads
    Call("cells", {"grid": k.CELLS}, oracles.cells, finite=False),
    Call("scb.sweep", {
        "run_one": k.RUN_ONE, "grid": k.GRID, "store": k.STORE, "n_jobs": k.JOBS,
        "progress": k.FLAG, "version": k.VERSION,
    }, oracles.sweep, finite=False),
    Call("engines.set_num_threads", {"n": integer(1, None, 1, 2, 64)}, oracles.set_num_threads),
]  # fmt: skip
