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
from scbtools.plotting.speed import ladder, peers, scatter
from scbtools.plotting.task import agreement, attention_columns, intervals, sequence
from scbtools.plotting.training import distances, final_signals, shrinkage
from scbtools.plotting.transfer import (
    handed_over,
    least_batches,
    one_step,
    samples_by_length,
    transfer_share,
)
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
    "band",
    "computation",
    "constraints",
    "contraction",
    "distances",
    "figure",
    "final_signals",
    "flow_frame",
    "gradient_matrices",
    "handed_over",
    "intervals",
    "ladder",
    "least_batches",
    "loss_surface",
    "one_run",
    "one_step",
    "peers",
    "perturbations",
    "phase_portrait",
    "samples_by_length",
    "scatter",
    "sequence",
    "shrinkage",
    "stage_lengths",
    "standardised",
    "transfer_share",
    "two_descriptions",
    "valley",
]
