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
from scbtools.plotting.scale import (
    entry_laws,
    excess_noise,
    figure_6,
    from_half_way,
    side_by_side,
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
    "band",
    "computation",
    "constraints",
    "contraction",
    "distances",
    "entry_laws",
    "excess_noise",
    "figure",
    "figure_6",
    "final_signals",
    "flow_frame",
    "from_half_way",
    "gradient_matrices",
    "intervals",
    "ladder",
    "loss_surface",
    "one_run",
    "peers",
    "perturbations",
    "phase_portrait",
    "scatter",
    "sequence",
    "shrinkage",
    "side_by_side",
    "stage_lengths",
    "standardised",
    "two_descriptions",
    "valley",
]
