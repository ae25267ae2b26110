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
from scbtools.plotting.failures import gallery, riddle
from scbtools.plotting.noise import (
    Scaling,
    batch_frame,
    column_paces,
    column_prices,
    noise_column,
    noise_scaling,
    run_terms,
    samples_needed,
    signal_and_noise,
)
from scbtools.plotting.scale import entry_laws, excess_noise, figure_6, from_half_way, side_by_side
from scbtools.plotting.softmax import (
    attention_maps,
    balance,
    courses,
    from_the_mirror,
    lengths,
    response,
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
    "Scaling",
    "agreement",
    "attention_columns",
    "attention_maps",
    "balance",
    "band",
    "batch_frame",
    "column_paces",
    "column_prices",
    "computation",
    "constraints",
    "contraction",
    "courses",
    "distances",
    "entry_laws",
    "excess_noise",
    "figure",
    "figure_6",
    "final_signals",
    "flow_frame",
    "from_half_way",
    "from_the_mirror",
    "gallery",
    "gradient_matrices",
    "handed_over",
    "intervals",
    "ladder",
    "least_batches",
    "lengths",
    "loss_surface",
    "noise_column",
    "noise_scaling",
    "one_run",
    "one_step",
    "peers",
    "perturbations",
    "phase_portrait",
    "response",
    "riddle",
    "run_terms",
    "samples_by_length",
    "samples_needed",
    "scatter",
    "sequence",
    "shrinkage",
    "side_by_side",
    "signal_and_noise",
    "stage_lengths",
    "standardised",
    "transfer_share",
    "two_descriptions",
    "valley",
]
