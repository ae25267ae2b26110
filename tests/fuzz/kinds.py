"""Kinds of arguments: what a call may be given, as texts of expressions.

Texts rather than values, so that a case is a call that can be pasted, and every look at it begins
with fresh arguments. In a text {x} stands for the plain one, {n} and {t} for the sizes of the
task, {s} for a seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

ODD = [
    "object()", "Unprintable()", "1j", "np.complex64(1)", "b'1'", "{1}", "{'a': 1}", "{}",
    "(x for x in [1])", "np.ma.masked", "np.ma.masked_array([[0.5]], [[True]])", "print", "...",
    "np.ma.masked_array(1, True)", "np.datetime64(1, 's')", "np.timedelta64(1, 's')",
    "np.zeros(1, [('a', float)])", "np.array([[None]])", "np.array(1j)",
    "Decimal('NaN')", "Decimal('1e400')", "Fraction(10) ** 400", "Fraction(10) ** 5000", "Params",
]  # fmt: skip
STRINGS = ["'0.5'", "'no'", "''", "'x' * 10**5", "np.str_('0.5')", "np.array('0.5')"]
HUGE = ["10**400", "10**5000"]
NUMBERS = [
    "float('nan')", "float('inf')", "-float('inf')", "np.float32('nan')", "-(10**400)",
    "np.longdouble('1e4000')", *HUGE,
]  # fmt: skip
EMPTY = ["[]", "np.array([])", "np.zeros((0, 3))"]
RAGGED = ["[[1, 2], [3]]", "[None]"]
FULL = ["np.zeros((2, 2, 2))", "list(range(10**4))", "Params(1, 2)"]
JUNK = ["None", *ODD, *STRINGS, *NUMBERS, *EMPTY, *RAGGED, *FULL]
TINY = 1e-3, 1e-9, 1e-20, 1e-160, 1e-310
HARDLY = [
    f"{name}, {eps})" for name in ("leaking({n}", "rare({n}", "faint({n}, {n}") for eps in TINY
]
FAINT = [f"faint({{t}}, {{n}}, {eps})" for eps in TINY]


class Kind(NamedTuple):
    """What an argument may be."""

    plain: tuple[str, ...]
    forms: tuple[str | tuple[str, str], ...] = ()  # the same in other clothes, or what is the same
    loose: tuple[str | tuple[str, str], ...] = ()  # the same, in clothes that may be refused
    extremes: tuple[str, ...] = ()  # far out: may be refused
    bads: tuple[str, ...] = tuple(JUNK)  # must be refused
    aka: tuple[str, ...] = ()  # words that name it in a message, beside its own name


class World(NamedTuple):
    """A task, N, T, and whether it is so odd that calls on it may be refused."""

    task: str
    n: int
    t: int
    odd: bool

    def fill(self, text: str, plain: str = "", seed: int = 0) -> str:
        """Put in what the words in braces stand for."""
        for word, value in (("{x}", plain), ("{n}", self.n), ("{t}", self.t), ("{s}", seed)):
            text = text.replace(word, str(value))
        return text


ORDINARY = ["SCBTask.random({n}, {t}, 2, seed={s})", "uneven_task({n}, {t}, {s})"]
STRANGE = [
    "SCBTask(cycle({n}), columns({t}, {n}, {s}))",
    "SCBTask(np.full(({n}, {n}), 1 / {n}), columns({t}, {n}, {s}))",
    "SCBTask(columns({n}, {n}), np.full(({t}, {n}), 1 / {t}))",
    "SCBTask.random({n}, {t}, {t}, seed={s})",
    "SCBTask.from_sparse(columns({n}, {n}), [[0, 0]] * {n}, [[1.0, 0.0]] * {n}, {t})",
    "SCBTask.random({n}, {t}, 1, seed={s}).related(-1.0)",
    *(f"SCBTask(columns({{n}}, {{n}}), {text})" for text in FAINT),
    *(f"SCBTask({text}, columns({{t}}, {{n}}, {{s}}))" for text in HARDLY),
]  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn, odd: bool) -> World:
    """An ordinary task, or an odd one; N and T differ, so that a transposed matrix does not fit."""
    n, seed = draw(st.integers(2, 8)), draw(st.integers(0, 9))
    lengths = st.one_of(st.integers(1, 9), st.integers(10, 30)) if odd else st.integers(4, 12)
    t = draw(lengths.filter(lambda t: t != n))
    text = draw(st.sampled_from(STRANGE if odd else ORDINARY))
    return World(World("", n, t, odd).fill(text, seed=seed), n, t, odd)


def without(texts: Iterable[str], *left_out: str) -> tuple[str, ...]:
    """These texts but some."""
    return tuple(text for text in texts if text not in left_out)


# --- numbers and words ----------------------------------------------------------------------------


def integer(low: int, high: int | None, *plain: int) -> Kind:
    """An integer in a range."""
    names = (
        ["uint64"]
        if max(plain) > 127
        else [f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64)]
    )
    loose = "np.array({x})", "np.array([{x}])", "Fraction({x})", "Decimal({x})", ("True", "1")
    beyond = (*HUGE, "2**70")
    far = str(low - 1), "np.int64(-7)", "2.5", "np.float32(2.5)"
    return Kind(
        tuple(map(str, plain)), tuple(f"np.{name}({{x}})" for name in names),
        (*loose, "float({x})") if max(plain) < 2**53 else loose,
        (str(low), *(beyond if high is None else ())),
        (*far, *(without(JUNK, *HUGE) if high is None else (str(high + 1), "2**70", *JUNK))),
    )  # fmt: skip


def real(
    *plain: float, low: float = -math.inf, high: float = math.inf, open_low: bool = False,
    aka: tuple[str, ...] = (),
) -> Kind:  # fmt: skip
    """A finite number, in a documented range if there is one."""

    def fits(text: str) -> bool:
        value = float(eval(text, {"np": np}))
        return (low < value if open_low else low <= value) and value <= high

    far = [
        "0.0", "-0.0", "5e-324", "1e-300", "1e-17", "1e5", "1e13", "1e300", "True", "-1.0",
        "-1e-300", "-1e300", "np.float32(-1)", repr(math.nextafter(high, math.inf)),
    ][: 13 + (high < math.inf)]  # fmt: skip
    return Kind(
        tuple(repr(float(value)) for value in plain),
        ("np.float64({x})", "np.longdouble({x})", ("np.float32({x})", "float(np.float32({x}))"),
         ("np.float16({x})", "float(np.float16({x}))"), ("int({x})", "float(int({x}))"),
         ("np.int8({x})", "float(int({x}))")),
        ("np.array({x})", "np.array([{x}])", "Fraction({x})", "Decimal({x})"),
        tuple(filter(fits, far)), (*(text for text in far if not fits(text)), *JUNK), aka,
    )  # fmt: skip


def choice(*plain: str, rarely: tuple[str, ...] = ()) -> Kind:
    """One of several words."""
    bads = "[{x}]", "np.array([{x}, 'b'])", "{x}.upper()", "True", "1", *JUNK
    return Kind(tuple(map(repr, plain)), ("np.str_({x})",), (), rarely, bads)


def maybe(kind: Kind, *plain: str, extremes: tuple[str, ...] = ()) -> Kind:
    """None too; plain and extreme values may be given anew."""
    bads = without(kind.bads, "None")
    return kind._replace(
        plain=plain or ("None", *kind.plain), bads=bads, extremes=extremes or kind.extremes
    )


SEED, STEP = (
    integer(0, 2**64 - 1, 0, 1, 7, 2**63, 2**64 - 1),
    integer(0, 2**32 - 1, 0, 1, 2**32 - 1),
)
BATCH, FEW = integer(1, 2**32 - 1, 3, 1, 2, 4), integer(0, 2**32 - 1, 3, 1, 2, 0)
LENGTH = integer(1, 2**64, 5, 9, 300)  # what memory holds is far less
EVERY = integer(1, None, 1, 2, 10)
RATE, L1 = real(0.1, 0.05, 0.3, low=0), real(0.01, 0.0, 1e-4, low=0)
TARGET, SIGNAL = real(0.5, 0.9, low=0, aka=("target",)), real(0.3, 0.0, -0.4, 1.0)
LOOSE = "int({x})", "np.array({x})", "np.int8({x})", "float({x})"
FLAG = Kind(
    ("False", "True"), ("np.bool_({x})",), LOOSE,
    bads=("2", "-1", "0.5", "np.array([True, False])", *JUNK),
)  # fmt: skip
RARELY_TRUE = FLAG._replace(plain=("False",), extremes=("True",))  # it asks for another flag
TEXT = Kind(
    ("'a'", "''"), ("np.str_({x})",), (), ("'x' * 10**5", "'\\n\\0'", "'é'"),
    ("1", "True", "0.5", "np.array('a')", *without(JUNK, *STRINGS)),
)  # fmt: skip

# --- matrices -------------------------------------------------------------------------------------

SAME = (
    "{x}.tolist()", "np.asfortranarray({x})", "{x}.astype('>f8')", "frozen({x})",
    "np.repeat({x}, 2, 0)[::2]", "np.repeat({x}, 3, 1)[:, 1::3]", "{x}[::-1].copy()[::-1]",
    "np.asmatrix({x})", "{x}.view(Subclass)", "{x}.astype('g')", "tuple(map(tuple, {x}))",
    ("{x}.astype('f4')", "{x}.astype('f4').astype(float)"),
    ("{x}.astype('>f4')", "{x}.astype('f4').astype(float)"),
    ("{x}.astype('f2')", "{x}.astype('f2').astype(float)"),
    ("np.rint({x}).astype('i1')", "np.rint({x}).astype('i1').astype(float)"),
    ("abs(np.rint({x})).astype('u8')", "abs(np.rint({x}))"),
    ("({x} > 0.3)", "({x} > 0.3).astype(float)"),
)  # fmt: skip
FAR = (
    "0 * {x}", "-0.0 * {x}", "1e-200 * {x}", "0 * {x} + 5e-324", "1e5 * {x}", "1e11 * {x}",
    "1e13 * {x}", "1e200 * {x}", "np.sign({x}) * 1e308", "with_entry({x}, 1e300)",
)  # fmt: skip
NOT_REAL = (
    "with_entry({x}, np.nan)", "with_entry({x}, np.inf)", "with_entry({x}, -np.inf)",
    "np.full({x}.shape, np.longdouble('1e4000'))", "np.full({x}.shape, 10**400)",
    "{x}.astype(complex)", "{x}.astype(object)", "{x}.astype(str)", "{x}.astype('S9')",
    "np.ma.masked_array({x}, {x} == {x}[0, 0])", "np.ma.masked_array({x}, {x} == {x})",
    "{x}.astype('M8[s]')", "{x}.astype('m8[s]')", "np.zeros({x}.shape, [('a', float)])",
    "[*{x}.tolist(), []]", "[[None, *row[1:]] for row in {x}.tolist()]",
    "[[str(x) for x in row] for row in {x}.tolist()]", "iter({x})", "dict(enumerate({x}))",
    "(row for row in {x})",
)  # fmt: skip
NOT_2D = "{x}[None]", "{x}[0]", "np.ravel({x})", "{x}[:0]", "{x}[:, :0]", "{x}[0, 0]"
NOT_T, NOT_N = ("{x}[:-1]", "np.vstack([{x}, {x}])"), ("{x}[:, :-1]", "np.hstack([{x}, {x}])")
NOT_COLUMNS = "0 * {x}", "-1 * {x}", "1.1 * {x}", "1.000001 * {x}", "with_entry({x}, -0.1)"


def matrix(
    *plain: str, rows: tuple[str, ...] = NOT_T, columns: tuple[str, ...] = NOT_N,
    extremes: tuple[str, ...] = FAR, bads: tuple[str, ...] = (), aka: tuple[str, ...] = (),
) -> Kind:  # fmt: skip
    """A matrix of numbers; rows and columns are what has a wrong number of them."""
    return Kind(plain, SAME, (), extremes, (*NOT_2D, *rows, *columns, *bads, *NOT_REAL, *JUNK), aka)


COLUMNS, WIDE = "columns({t}, {n}, {s})", "normal({t}, {n}, {s})"
SQUARE = "normal({n}, {n}, {s})", "columns({n}, {n}, {s})"
A, V = matrix(WIDE, COLUMNS, bads=("{x}.T",)), matrix(*SQUARE)
FREE_A, COLUMNS_A = matrix(WIDE, COLUMNS, rows=(), columns=()), matrix(COLUMNS, rows=(), columns=())
ANY_SHAPE = FREE_A._replace(bads=(*NOT_REAL, *without(JUNK, *EMPTY, *FULL)))
Q_LIKE = matrix(COLUMNS, bads=("{x}.T",))
P = matrix(
    SQUARE[1], bads=(*NOT_COLUMNS, "np.eye({n})", "absorbing({n})", "np.ones((1, 1))"),
    extremes=("cycle({n})", "np.full(({n}, {n}), 1 / {n})", *HARDLY),
)  # fmt: skip
Q = matrix(
    COLUMNS, bads=(*NOT_COLUMNS, "{x}.T"),
    extremes=("np.full(({t}, {n}), 1 / {t})", "np.eye({t})[:, [0] * {n}]", "np.ones((1, {n}))",
              *FAINT),
)  # fmt: skip
COUNTS = matrix(
    "(1.0 + tokens(9, {n}, {n}, seed={s}))", bads=("-1 * {x}", "0 * {x}"),
    extremes=("cycle({n})", "np.eye({n})", "1e-300 * {x}", "1e300 * {x}",
              "with_entry({x}, 1e-320)"),
)  # fmt: skip
WEIGHTS = matrix(
    "columns(2, {n}, {s}).T", bads=NOT_COLUMNS, extremes=("np.eye({n}, 2)[[0] * {n}]",)
)


def integers(plain: str, size: str, *bads: str) -> Kind:
    """An array of integers below size."""
    types = "i1", "u1", "i2", "u2", "i4", "u4", "u8", ">i4", ">i8", ">u2"
    same = "{x}.tolist()", "frozen({x})", "np.repeat({x}, 2, 0)[::2]", "{x}.view(Subclass)"
    wrong = (
        "with_entry({x}, -1)", f"with_entry({{x}}, {size})", "{x}.astype(str)", "{x}[None]",
        "{x}.astype(complex)", "{x}.astype(object)", "np.ma.masked_array({x}, {x} == {x})",
        "{x} + 0.5", "{x} * np.nan", "{x}.astype('M8[s]')", "{x} + 2**40", "{x}[:-1]",
    )  # fmt: skip
    forms = (*same, *(f"{{x}}.astype('{each}')" for each in types))
    return Kind((plain,), forms, ("{x}.astype(float)",), (), (*wrong, *bads, *JUNK))


POSITIONS = integers("(np.arange(2) + 0 * tokens({t}, {n}, 1))", "{t}", "{x} * 0", "{x}[:, :1]")
TOKENS = integers("tokens({n}, {t}, seed={s})", "{n}")
MU = matrix("columns({n}, 1, {s})[:, 0]", rows=NOT_T, columns=())._replace(
    forms=("{x}.tolist()", "{x}.astype('>f8')", "frozen({x})", "np.repeat({x}, 2)[::2]"),
    bads=("{x}[:-1]", "with_entry({x}, np.nan)", "{x}.astype(complex)", *JUNK),
)  # fmt: skip

# --- tasks, parameters, batches -------------------------------------------------------------------

TASK = Kind(
    ("task",), ("pickle.loads(pickle.dumps({x}))", "copy.deepcopy({x})"),
    bads=("SCBTask", "'task'", "{x}.transition", "facts({x})", *JUNK),
)  # fmt: skip
OWN_TASK = Kind(("task",), bads=())  # of a method


def pair(of: str, *plain: str, extremes: tuple[str, ...] = ()) -> Kind:
    """Matrices A and V: parameters, gradients or noise."""

    def inside(form: Any, name: str) -> Any:
        if isinstance(form, tuple):
            return tuple(inside(text, name) for text in form)
        parts = {"A": "{x}.A", "V": "{x}.V"}
        parts[name] = form.replace("{x}", parts[name])
        return f"{of}({parts['A']}, {parts['V']})"

    both = (("A", A), ("V", V))
    forms = [inside(form, name) for name, kind in both for form in kind.forms]
    far = [inside(text, name) for name, kind in both for text in kind.extremes]
    other = "Params" if of == "Gradients" else "Gradients"
    wrong = (
        f"{of}({{x}}.V, {{x}}.A)",
        "({x}.A,)",
        "(*{x}, {x}.A)",
        "dict(A={x}.A, V={x}.V)",
        "{x}.A",
    )
    return Kind(
        plain, tuple(forms), ("tuple({x})", "list({x})"),
        (f"{of}(*(1e13 * x for x in {{x}}))", f"{other}(*{{x}})", *extremes, *far),
        # Junk as a whole as often as junk inside.
        (*wrong, *(JUNK * 3), *(inside(text, name) for name, kind in both for text in kind.bads)),
        ("A", "V"),
    )  # fmt: skip


PARAMS = pair(
    "Params", "uniform_start(task)", "true_params(task)", "away(task, {s})",
    "constrained(task, {s})", "transfer_start(task, columns({n}, {n}, {s}), 0.5)",
    extremes=("away(task, 0, 1e-9)", "away(task, 1, 1e4)", "away(task, 2, 1e11)"),
)  # fmt: skip
ON_CONSTRAINTS = PARAMS._replace(plain=(*PARAMS.plain[:2], "constrained(task, {s})"))
RIGHT = pair("Params", "true_params(task)", extremes=("away(task, 4)",))
GRADIENTS = pair("Gradients", "Gradients(normal({t}, {n}, {s}), normal({n}, {n}, {s}))")
HERE = "constrained(task, 3)"  # where the lemmas on one step are tried
RESIDUALS = pair("Params", f"residuals(task, {HERE})")
REALISED = pair("Noise", f"noise.realised(task, {HERE}, 4, {{s}})")
CENTRED = Kind((f"centred(task, {HERE})",), bads=(f"scb.signals(task, {HERE})", *JUNK))
START = Kind(
    ("(0.0, 0.0)", "(0.1, 0.2)", "(-0.5, 1.0)"), (), ("list({x})", "np.array({x})"),
    ("(1, 0)", "(1e11, 1.0)", "(1e200, 1e200)", "(np.float32(0.5), np.int8(1))"),
    ("(0.1,)", "(0.1, 0.2, 0.3)", "(np.nan, 0.0)", "(0.0, np.inf)", "('a', 0.0)", "0.3", "'ab'",
     "(None, 0.0)", "{0.1, 0.2}", "(10**400, 0.0)", "('0.1', '0.2')", "(0.1, 1j)",
     *without(JUNK, "Params(1, 2)")),
)  # fmt: skip
RNG = Kind(("np.random.default_rng(3)",), bads=("3", "np.random.PCG64(3)", *JUNK))
_OTHER = [
    "tokens=None", "last=None", "last=[0]", "last=0", "tokens={x}.tokens[:, 1:]", "last=[-1, 0]",
    "tokens={x}.tokens[0]", "tokens='ab'", "tokens={x}.tokens.astype(object)", "last=[None, 0]",
    "tokens=np.ma.masked_array({x}.tokens, {x}.tokens == 0)", "last=np.array([0.5, 0])",
    "tokens=[[0], [0, 1]]", "last=np.ma.masked_array([0, 0], [True, False])", "last=[10**400, 0]",
    "last=np.array([0, 1j])",
]  # fmt: skip
BATCHES = Kind(
    ("task.sample(2)", "task.sample(2, seed=1)"),
    ("Batch(*map(frozen, {x}))", "Batch(*(x.tolist() for x in {x}))",
     "Batch(*(np.repeat(x, 2, 0)[::2] for x in {x}))",
     *(f"Batch(*(x.astype('{each}') for x in {{x}}))" for each in ("i1", "u2", "i8", "u8", ">i2"))),
    ("tuple({x})",), ("Batch(*(x[:0] for x in {x}))", "{x}._replace(target=None)"),
    ("Batch(*{x}[::-1])", "Batch(*(x + 200 for x in {x}))",
     *(f"{{x}}._replace({each})" for each in _OTHER), *JUNK),
    ("tokens", "last"),
)  # fmt: skip

# --- stages and grids -----------------------------------------------------------------------------

TRANSFORMS = Kind(
    ("()", "(Transform('threshold'),)", "(Transform('reflect'),)"), (), ("list({x})",),
    ("(Transform('round', 9.0), Transform('least_squares'))", "Transform('round')"),
    ("('round',)", "(None,)", "(Transform,)", "set()", "{Transform('round'): 1}",
     *without(JUNK, *EMPTY)),
)  # fmt: skip


def _stage(more: str = "", steps: int = 3) -> str:
    return f"Stage('a', {steps}, 3, 0.1, 0.1{more})"


PAIRS = Kind(
    ("screening.pair_counts(task.sample(60), {n})",),
    ("{x}.astype(float)", "{x}.tolist()", "frozen({x})", "np.repeat({x}, 2, 0)[::2]"), (),
    ("0 * {x}", "10**9 * {x}", "0.5 * {x}"),
    ("{x}[0]", "{x}[:, :, :-1]", "-1 - {x}", "1j * {x}", "10**16 * (1 + {x})", *JUNK), ("counts",),
)  # fmt: skip
VOCAB = Kind(
    ("{n}", "{n} + 1"), ("np.int64({x})", "np.uint16({x})"),
    ("np.array({x})", "np.array([{x}])", "Fraction({x})", "Decimal({x})", "float({x})"),
    ("300",), ("1", "0", "-2", "65536", "2.5", *JUNK), ("vocab_size",),
)  # fmt: skip
SCORES = matrix("normal({n}, {t}, {s})", rows=(), columns=())
_FAR_STAGES = (
    "[]", _stage(steps=0), "Stage('a', 2, 2, 1e9, 1e9)", "Stage('a', 2, 2, 1e300, 1e-300)",
    "iter([{x}])", _stage(", until='mean_signal', target=0.0"), _stage(", l1=1e300"),
    _stage(", before=(Transform('threshold', 1e300),)"),
)  # fmt: skip
_NOT_SIMULATED = (
    *map(_stage, (
        ", attention='softmax'", ", preconditioned=False", ", freeze_A=True",
        ", before=(Transform('round'),)", ", before=(Transform('least_squares'),)",
        ", before=(Transform('reflect'),)", ", freeze_A=True, attention='softmax'",
        ", attention='softmax', preconditioned=False",
    )),
    f"[{_stage()}, {_stage(', freeze_A=True')}]",
)  # fmt: skip
_NO_STAGES = (
    "['a']", "[{x}, None]", "Stage", "Transform('round')", "{'a': {x}}", "[[{x}]]",
    *without(JUNK, *EMPTY, "{}", "''"),
)  # fmt: skip
SIMULATED = Kind(
    (_stage(), _stage(", l1=0.01, before=(Transform('threshold'),)"),
     _stage(", until='max_signal', target=0.1"), _stage(", centred=True", steps=2)),
    ("[{x}]", "({x},)", ("[{x}, {x}]", "({x}, {x})")), (), _FAR_STAGES,
    (*_NO_STAGES, *_NOT_SIMULATED), ("stage",),
)  # fmt: skip
STAGES = SIMULATED._replace(bads=_NO_STAGES, extremes=(
    *_FAR_STAGES, *_NOT_SIMULATED,
    "[" + _stage(", preconditioned=False") + ", " + _NOT_SIMULATED[4] + "]",
))  # fmt: skip
_NO_GRID = (
    "{'x': 3}", "{'x': 'ab'}", "{1: [1]}", "{'x': [object()]}", "{'x': [1, 1]}", "{'x': None}",
    "[{'x': 1}, 3]", "{'x': [[1]]}", "{'x': [1j]}", "{'x': [np.arange(2)]}", "[{'x': 1}] * 2",
    "{'x': [Unprintable()]}", "{'x': [Fraction(1, 2)]}", "[{1: 2}]", "{'x': np.zeros((2, 2))}",
    "{'x': [b'1']}", "{'x': [np.datetime64(1, 's')]}", "{'x': [np.ma.masked]}",
    "{'x': [1j] * 9**4}",
    *without(JUNK, *EMPTY, "{}"),
)  # fmt: skip
CELLS = Kind(
    ("{'x': [1, 2], 'seed': [0]}", "{'x': (1, 0.5)}"),
    ("cells({x})", "iter(cells({x}))",
     ("{'x': np.array([1, 2]), 'seed': {np.uint8(0)}}", "{'x': [1, 2], 'seed': [0]}")), (),
    ("{'x': [1e300, True, 0.5]}", "{'x': (i for i in [1])}", "[{}]", "{'x': [10**30]}"), _NO_GRID,
    ("x", "a", "cell", "cells"),
)  # fmt: skip
GRID = CELLS._replace(bads=(*_NO_GRID, "{'x': []}", "{}", *EMPTY))
_RESULTS = [
    "None", "[1]", "{}", "{'y': object()}", "{'y': [1, 2], 'z': [1]}", "{'y': Unprintable()}",
    "{'y': 1j}", "{'y': [[1], [2]]}", "{'y': np.ma.masked}", "{'x': 1, 'seed': 2}",
]  # fmt: skip
RUN_ONE = Kind(
    ("square",), aka=("result", "results", "y"),
    bads=(*(f"lambda **cell: {each}" for each in _RESULTS), *without(JUNK, "print", "Params")),
)  # fmt: skip
# Never so many processes that any is started; and no strings, which are folders, to store in.
JOBS = Kind(("1",), ("np.int8({x})",), ("True", "1.0"), bads=(
    "0", "1.5", "np.array([1, 1])",
    *without(JUNK, "None", *(x for x in JUNK if "inf" in x or "10" in x or "e4" in x)),
))  # fmt: skip
STORE = Kind(
    ("None",), extremes=("folder()", "Path(folder()) / 'new'"), bads=without(JUNK, "None", *STRINGS)
)
VERSION = maybe(TEXT, "None", extremes=("'1'", "''", "'x' * 10**5"))
