"""What all figures share: colours, axes, panels, and a few forms that return in many chapters."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from figures.shown import drawn as drawn
from figures.shown import is_narrow

T = TypeVar("T")
Floats = NDArray[np.float64]
Curves = Mapping[str, ArrayLike]


class _Ink(NamedTuple):
    """Okabe and Ito's palette, told apart by colour-blind readers; use line styles as well.

    On a page each is a variable of the style sheet, with another value in the dark theme.
    """

    blue: str = "#0072B2"
    orange: str = "#E69F00"
    green: str = "#009E73"
    red: str = "#D55E00"
    purple: str = "#CC79A7"
    sky: str = "#56B4E9"
    black: str = "#222222"
    grey: str = "#888888"
    grid: str = "#dddddd"
    paper: str = "#ffffff"


INK = _Ink()

# Of attention, on paper of any colour: no weight, no ink.
CLEAR = LinearSegmentedColormap.from_list("clear", [to_rgba(INK.orange, 0), to_rgba(INK.orange, 1)])

PHONE = 3.6  # inches of a figure for a phone

# One colour for each thing, in every figure.
OF_V, OF_A, TRUTH, MIRROR, SGD, THEORY = (
    INK.blue, INK.orange, INK.black, INK.purple, INK.grey, INK.black,
)  # fmt: skip

STATE = {
    "alpha_V": r"$\alpha_V$",
    "alpha_A": r"$\alpha_A$",
    "delta_V": r"$\Vert\Delta_V\Vert_\mu$",
    "delta_A": r"$\Vert\Delta_A\Vert_\mu$",
}

STYLE: dict[str, Any] = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": INK.grid,
    "grid.linewidth": 0.6,
    "mathtext.fontset": "dejavusans",
    "savefig.facecolor": "auto",
    "legend.facecolor": INK.paper,
    "axes.facecolor": INK.paper,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK.black
    ),
}


def figure(
    rows: int = 1, columns: int = 1, *, height: float = 3.2, width: float = 7.4, **options: Any
) -> tuple[Figure, Any]:
    """Return a figure in the book's style and its Axes, or array of Axes.

    Height and width are of the whole figure, in inches; `options` go to `Figure.subplots`. For a
    phone panels stand below each other, and the array of Axes has the same shape.
    """
    size, grid, squeeze = (width, height), (rows, columns), options.pop("squeeze", True)
    if is_narrow():
        size, grid = (PHONE, height * columns * min(1.0, 3.0 * rows / height)), (rows * columns, 1)
        options.pop("width_ratios", None)
        options.pop("height_ratios", None)
    # Outside the context: the first figure loads the backend, which turns notebooks' display of
    # later figures on, and leaving the context would turn that off again.
    fig = plt.figure(figsize=size, dpi=110, layout="constrained", facecolor=INK.paper)
    with plt.rc_context(STYLE):  # type: ignore[arg-type]
        axes = fig.subplots(*grid, squeeze=False, **options).reshape(rows, columns)
    return fig, _squeezed(axes) if squeeze else axes


def _squeezed(axes: Any) -> Any:
    """Return an array of Axes without the dimensions that are one, as matplotlib does."""
    return axes.item() if axes.size == 1 else axes.squeeze()


def panels(items: Mapping[str, T], **options: Any) -> tuple[Figure, list[tuple[Axes, str, T]]]:
    """Return a figure with panels side by side, and for each its Axes, its name and what it shows.

    `options` are those of `figure`.
    """
    fig, axes = figure(1, len(items), squeeze=False, **options)
    return fig, [(ax, *item) for ax, item in zip(axes[0], items.items(), strict=True)]


def looks(
    items: Iterable[T],
    colours: Sequence[str] = (INK.blue, INK.red, INK.green, INK.purple, INK.black),
) -> Iterator[tuple[T, str, str, str]]:
    """Return each item with the colour, the line style and the mark that tell it apart."""
    return zip(items, colours, ("-", "--", "-.", ":", "-"), "os^Dv", strict=False)


def quantiles(runs: ArrayLike) -> Floats:
    """Return the ends of the middle 80 % and the median, low first, over the first axis."""
    low, middle, high = np.quantile(np.asarray(runs, float), [0.1, 0.5, 0.9], axis=0)
    return np.array([low, middle, high])


def band(
    ax: Axes, x: ArrayLike, runs: ArrayLike, colour: str, label: str = "_", style: str = "-",
    **line: Any,
) -> None:  # fmt: skip
    """Draw the median of many runs, (seeds, n), and the band that holds the middle 80 % of them."""
    low, middle, high = quantiles(runs)
    ax.fill_between(np.asarray(x), low, high, color=colour, alpha=0.22, linewidth=0)
    ax.plot(x, middle, style, color=colour, label=label, **line)


def bars(
    ax: Axes, x: ArrayLike, samples: Sequence[ArrayLike], colour: str, mark: str, **options: Any
) -> Floats:
    """Draw the median of each of n samples, with a bar for its middle 80 %; return the medians."""
    low, middle, high = np.transpose([quantiles(each) for each in samples])
    ax.errorbar(x, middle, (middle - low, high - middle), fmt=mark, color=colour, **options)
    return np.asarray(middle)


def each_run(
    ax: Axes, x: ArrayLike, samples: Sequence[ArrayLike], colour: str, mark: str, reach: float,
    label: str = "_", **options: Any,
) -> None:  # fmt: skip
    """Draw every run of n samples as a mark, those of one sample sorted and side by side.

    The axis is logarithmic, and marks reach from x / reach to x times reach.
    """
    for index, (at, sample) in enumerate(zip(np.asarray(x, float), samples, strict=True)):
        values = np.sort(np.asarray(sample, float))
        beside = np.geomspace(1 / reach, reach, max(values.size, 1))[: values.size]
        ax.plot(
            at * beside, values, mark, color=colour, label="_" if index else label, **options
        )  # fmt: skip


def star(ax: Axes, x: float, values: ArrayLike, colour: str = INK.red, **options: Any) -> None:
    """Draw the median of runs as a star."""
    middle = np.median(np.asarray(values, float))
    ax.plot(x, middle, "*", color=colour, ms=13, clip_on=False, **options)


def star_on_bar(ax: Axes, x: float, values: ArrayLike) -> None:
    """Draw the median of normalised runs as a star, on a bar for the middle 80 %."""
    low, _, high = quantiles(values)
    ax.plot([x, x], [low, high], color=INK.red, lw=2)
    star(ax, x, values, label="normalised")


def mark_step(ax: Axes, step: float | None) -> None:
    """Mark a step, if there is one, by a dotted line."""
    if step is not None:
        ax.axvline(step, color=INK.black, lw=0.8, ls=":")


def zero(ax: Axes) -> None:
    """Draw the horizontal line at zero."""
    ax.axhline(0, color=INK.black, lw=0.8)


def rows(ax: Axes, names: Iterable[str]) -> None:
    """Give each name a row, the first on top."""
    labels = list(names)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)


def legend_below(fig: Figure, ax: Axes, ncols: int, **options: Any) -> None:
    """Draw one legend for all panels, below them, with what one of them shows."""
    handles, labels = ax.get_legend_handles_labels()
    ncols = min(ncols, 2) if is_narrow() else ncols
    fig.legend(handles, labels, loc="outside lower center", ncols=ncols, frameon=False, **options)


def legend_beside(ax: Axes, **options: Any) -> None:
    """Draw the legend to the right of the panel; for a phone, below it."""
    if is_narrow():
        options = {"ncols": 2, **options}
        ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", **options)
        return
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), **options)


def plain_log(axis: Axis, subs: Sequence[float] = (1, 2, 5)) -> None:
    """Label a logarithmic axis of few decades with plain numbers."""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def ticks_at(ax: Axes, x: ArrayLike) -> None:
    """Label these places of the horizontal axis, and nothing else."""
    places = np.asarray(x, float)
    ax.set_xticks(places, [f"{each:g}" for each in places])
    ax.xaxis.minorticks_off()


def attention_maps(
    maps: Mapping[str, ArrayLike], label: str, *, top: float = 1.0, first: int = 1, **options: Any
) -> Figure:
    """Return attention matrices (T, N) as heat maps with one scale.

    `label` is the colour bar's, whose colours end at `top`; positions and tokens are counted from
    `first`; `options` are those of `figure`.
    """
    fig, each = panels(maps, **options)
    for ax, title, values in each:
        matrix = np.asarray(values, float)
        low, (seq_len, vocab_size) = first - 0.5, matrix.shape
        image = ax.imshow(
            matrix, cmap=CLEAR, vmin=0, vmax=top, aspect="auto", interpolation="nearest",
            extent=(low, low + vocab_size, low + seq_len, low),
        )  # fmt: skip
        ax.grid(visible=False)
        ax.set(title=title, xlabel="last token $k$")
    fig.axes[0].set_ylabel("position $t$")
    fig.colorbar(image, ax=[ax for ax, *_ in each], label=label)
    return fig


def hyperbola(ax: Axes, alpha_V: Floats) -> None:
    """Draw both branches of alpha_A alpha_V = 1 over the range of alpha_V, dashed."""
    low, high = float(alpha_V.min()), float(alpha_V.max())
    for sign, end in ((-1, -low), (1, high)):
        if end > 0:
            x = np.geomspace(end / 1000, end, 400)
            ax.plot(sign * x, sign / x, "--", color=INK.black, lw=1)


def gaussian(x: Floats, deviation: float = 1.0) -> Floats:
    """Return the density of a centred Gaussian."""
    bell: Floats = np.exp(-0.5 * (x / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    return bell


def token_names(vocab_size: int) -> list[str]:
    """Return short names: letters up to 26 tokens, numbers from 1 beyond."""
    if vocab_size <= 26:
        return list(string.ascii_lowercase[:vocab_size])
    return [str(token + 1) for token in range(vocab_size)]


def token_colour(token: int) -> str:
    """Return a token's colour; names tell apart what shares one."""
    return (INK.blue, INK.orange, INK.green, INK.red, INK.purple, INK.sky)[token % 6]
