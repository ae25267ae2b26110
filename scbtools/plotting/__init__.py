"""Figures of the book, as functions of computed data."""

from scbtools.plotting.base import COLOURS, band, figure
from scbtools.plotting.dynamics import (
    Portrait,
    contraction,
    flow_frame,
    one_run,
    phase_portrait,
    stage_lengths,
    two_descriptions,
    valley,
)
from scbtools.plotting.rounding import (
    FrozenRuns,
    adrift,
    frozen_value,
    rounding_errors,
    rounding_window,
)
from scbtools.plotting.speed import ladder, peers, scatter
from scbtools.plotting.task import agreement, attention_columns, intervals, sequence
from scbtools.plotting.theorem import (
    Vocabulary,
    errors_by_stage,
    final_errors,
    stage_samples,
    vocabularies,
)
from scbtools.plotting.training import distances, final_signals, shrinkage
from scbtools.plotting.transformer import (
    computation,
    constraints,
    gradient_matrices,
    loss_surface,
    perturbations,
    standardised,
)

__all__ = [
    "COLOURS",
    "FrozenRuns",
    "Portrait",
    "Vocabulary",
    "adrift",
    "agreement",
    "attention_columns",
    "band",
    "computation",
    "constraints",
    "contraction",
    "distances",
    "errors_by_stage",
    "figure",
    "final_errors",
    "final_signals",
    "flow_frame",
    "frozen_value",
    "gradient_matrices",
    "intervals",
    "ladder",
    "loss_surface",
    "one_run",
    "peers",
    "perturbations",
    "phase_portrait",
    "rounding_errors",
    "rounding_window",
    "scatter",
    "sequence",
    "shrinkage",
    "stage_lengths",
    "stage_samples",
    "standardised",
    "two_descriptions",
    "valley",
    "vocabularies",
]
