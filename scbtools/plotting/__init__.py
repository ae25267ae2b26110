"""Figures of the book, as functions of computed data."""

from scbtools.plotting.base import COLOURS, band, figure
from scbtools.plotting.boosting import Law, attention_frame, laws, start_and_end
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
    "Law",
    "Portrait",
    "agreement",
    "attention_columns",
    "attention_frame",
    "band",
    "computation",
    "constraints",
    "contraction",
    "distances",
    "figure",
    "final_signals",
    "flow_frame",
    "gradient_matrices",
    "intervals",
    "ladder",
    "laws",
    "loss_surface",
    "one_run",
    "peers",
    "perturbations",
    "phase_portrait",
    "scatter",
    "sequence",
    "shrinkage",
    "stage_lengths",
    "standardised",
    "start_and_end",
    "two_descriptions",
    "valley",
]
