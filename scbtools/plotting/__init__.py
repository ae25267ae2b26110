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
from scbtools.plotting.proximal import (
    attention_entries,
    cut_histogram,
    cut_scaling,
    long_stage_2,
    penalty_sweep,
    signals_and_errors,
    similarities,
)
from scbtools.plotting.speed import ladder, peers, scatter
from scbtools.plotting.task import agreement, attention_columns, intervals, sequence
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
    "Portrait",
    "agreement",
    "attention_columns",
    "attention_entries",
    "band",
    "computation",
    "constraints",
    "contraction",
    "cut_histogram",
    "cut_scaling",
    "distances",
    "figure",
    "final_signals",
    "flow_frame",
    "gradient_matrices",
    "intervals",
    "ladder",
    "long_stage_2",
    "loss_surface",
    "one_run",
    "peers",
    "penalty_sweep",
    "perturbations",
    "phase_portrait",
    "scatter",
    "sequence",
    "shrinkage",
    "signals_and_errors",
    "similarities",
    "stage_lengths",
    "standardised",
    "two_descriptions",
    "valley",
]
