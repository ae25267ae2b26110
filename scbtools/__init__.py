"""Sparse contextual bigrams and the linear transformer that learns them."""

from scbtools import recipes
from scbtools.engines import minibatch_gradients
from scbtools.population import Gradients, population_gradients, population_loss
from scbtools.signals import Signals, signals, similarity, support_recovered
from scbtools.stages import Stage, Transform
from scbtools.sweep import sweep
from scbtools.task import Batch, SCBTask
from scbtools.training import Run, train
from scbtools.transformer import Params, predict, transfer_start, true_params, uniform_start
from scbtools.updates import precondition

__all__ = [
    "Batch", "Gradients", "Params", "Run", "SCBTask", "Signals", "Stage", "Transform",
    "minibatch_gradients", "population_gradients", "population_loss", "precondition", "predict",
    "recipes", "signals", "similarity", "support_recovered", "sweep", "train", "transfer_start",
    "true_params", "uniform_start",
]  # fmt: skip
