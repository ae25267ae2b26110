"""Makes calls up, and looks at what comes of one: a good answer, or a good refusal."""

from __future__ import annotations

import contextlib
import dataclasses
import dis
import io
import linecache
import os
import re
import sys
import time
import types
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import numpy as np
import pandas as pd
from hypothesis import strategies as st
from numba.core.dispatcher import Dispatcher

import scbtools
from scbtools import SCBTask, engines
from scbtools.stages import Stage
from tests.fuzz import kinds, words
from tests.fuzz.calls import Call

PACKAGE = str(Path(scbtools.__file__).parent)
LONGEST = 1000  # characters of a message
SLOWEST = 0.5  # seconds of a refusal
STEPPING = {"run_stage", "advance", "take"}  # functions that are running where steps are taken
MOVING = {"rng", "store"}  # arguments that change, or are new each time
DEFAULT = engines.get_num_threads()
LAST = Path(os.environ["SCB_FUZZ_LAST"]) if "SCB_FUZZ_LAST" in os.environ else None
counts: Counter[str] = Counter()  # tried, answered well, refused, wrong


class Fault(AssertionError):
    """A call that neither answered well nor refused well."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A call: texts of its arguments, and of their twins, plain values that must do the same."""

    call: Call
    world: kinds.World
    texts: dict[str, str]
    twins: dict[str, str]
    bad: frozenset[str] = frozenset()  # arguments that must be refused
    may_refuse: bool = False  # as something is extreme
    loose: bool = False  # as some form need not be taken

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={text}" for name, text in self.texts.items())
        line = f"{self.call.name}({arguments})"
        return f"task = {self.world.task}\n{line}" if re.search(r"\btask\b", line) else line

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@st.composite
def cases(draw: st.DrawFn, call: Call) -> Case:
    """A call with plain arguments, or with some that are not."""
    manner = draw(st.sampled_from(["plain", "form", "bad", "bad", "extreme", "mixed"]))
    world = draw(kinds.worlds(odd=manner in ("extreme", "mixed") and draw(st.booleans())))
    seeds = st.integers(0, 9)
    texts = {
        name: world.fill(draw(st.sampled_from(kind.plain)), seed=draw(seeds))
        for name, kind in call.kinds.items()
    }
    changed = st.just([draw(st.sampled_from(list(texts)))])
    if manner == "mixed":
        changed = st.lists(st.sampled_from(list(texts)), min_size=1, max_size=3, unique=True)
    twins, bad, may_refuse, loose = dict(texts), set(), world.odd or call.may_refuse, False
    for name in draw(changed) if manner != "plain" else ():
        kind, plain = call.kinds[name], texts[name]
        how = draw(st.sampled_from(["form", "extreme", "bad"])) if manner == "mixed" else manner
        options = {"form": kind.forms + kind.loose, "extreme": kind.extremes, "bad": kind.bads}[how]
        # What is made of the plain value needs one.
        options = [each for each in options if plain != "None" or "{x}" not in str(each)]
        if not options:
            continue
        chosen = draw(st.sampled_from(options))
        text, twin = (chosen, "{x}") if isinstance(chosen, str) else chosen
        texts[name] = world.fill(text, plain)
        if how == "bad":
            bad.add(name)
        elif how == "extreme":
            twins[name], may_refuse = texts[name], True
        else:  # rounded numbers may no longer meet what the plain ones do
            twins[name] = world.fill(twin, plain)
            may_refuse, loose = may_refuse or twin != "{x}", loose or chosen in kind.loose
    return Case(call, world, texts, twins, frozenset(bad), may_refuse, loose)


class Outcome(NamedTuple):
    """What came of a call."""

    answer: Any
    error: Exception | None
    seconds: float
    specialised: int


DISPATCHERS = {
    each
    for name, module in list(sys.modules.items())
    if name.startswith("scbtools")
    for each in vars(module).values()
    if isinstance(each, Dispatcher)
}
again_compiled: set[str] = set()  # calls that were seen to, as none does twice


def specialised() -> int:
    """For how many kinds of arguments there are kernels in this process."""
    return sum(len(each.signatures) for each in DISPATCHERS)


def arguments(case: Case, texts: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """The function and fresh arguments; raises what the making of the task raises."""
    scope = dict(vars(words))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "\n" in repr(case):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                scope["task"] = eval(case.world.task, scope)
        given = {name: eval(text, scope) for name, text in texts.items()}
        return eval(case.call.name, scope), given


def outcome(function: Any, given: dict[str, Any]) -> Outcome:
    """Call, with warnings as errors and nothing on the terminal."""
    began, before = time.process_time(), specialised()
    answer = error = None
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("error")
        try:
            answer = function(**given)
        except Exception as raised:
            error = raised
    return Outcome(answer, error, time.process_time() - began, specialised() - before)


# --- refusals -------------------------------------------------------------------------------------


def frames(error: Exception) -> list[types.TracebackType]:
    """The traceback, outermost first."""
    found, here = [], error.__traceback__
    while here is not None:
        found.append(here)
        here = here.tb_next
    return found


def flaw(error: Exception, texts: dict[str, str]) -> str | None:
    """What is wrong with a refusal, or None."""
    last = frames(error)[-1]
    allowed = [ValueError, TypeError, *([RuntimeError] if "'cuda'" in texts.values() else [])]
    code, said = last.tb_frame.f_code, str(error)
    if isinstance(error, Warning):
        return "it warned"
    if type(error) not in allowed:
        return f"a refusal is a ValueError or a TypeError, not a {type(error).__name__}"
    if not code.co_filename.startswith(PACKAGE):
        return f"the message is not scbtools' own, but from {Path(code.co_filename).name}"
    if dis.opname[code.co_code[last.tb_lasti]] != "RAISE_VARARGS":
        return f"the message is not scbtools' own, but comes from a use in {code.co_name}"
    if not said.strip() or said != said.strip() or said.endswith((":", ",", ";", "(", "got")):
        return "the message has no end"
    return f"the message has {len(said)} characters" if len(said) > LONGEST else None


def names_of(case: Case, name: str) -> set[str]:
    """Words that name an argument; in a recipe, what it is called in the stage too."""
    found = {name, *case.call.kinds[name].aka}
    if case.call.name.startswith("recipes."):
        ends = {name.partition("_")[2], name.rpartition("_")[0]}
        found |= ends & {"eta", *(field.name for field in dataclasses.fields(Stage))}
    return found


def fault(case: Case, texts: dict[str, str], found: Outcome, what: str) -> Fault:
    """A fault with a call that can be pasted."""
    counts["wrong"] += 1
    error = found.error
    more = f"\n  {type(error).__name__}: {str(error)[:300]}" if error is not None else ""
    if error is None and found.answer is not None and "answer" in what:
        with contextlib.suppress(Exception):
            more = f"\n  The answer: {str(found.answer)[:300]}"
    shown = repr(dataclasses.replace(case, texts=texts))
    return Fault(f"\n\nfrom tests.fuzz.words import *\n{shown}\n\n  {what}{more}\n")


def check(case: Case) -> None:
    """Raise Fault unless the call answers well, or refuses well."""
    counts["tried"] += 1
    if LAST is not None:
        LAST.write_text(repr(case))
    try:
        _check(case)
    finally:
        engines.set_num_threads(DEFAULT)


def _check(case: Case) -> None:
    texts = case.texts if case.bad else case.twins
    try:
        function, given = arguments(case, texts)
    except Exception as error:
        if any(part.tb_frame.f_code.co_filename.startswith(PACKAGE) for part in frames(error)):
            if what := flaw(error, texts):
                raise fault(case, texts, Outcome(None, error, 0, 0), what) from None
            counts["refused"] += 1
            return
        raise
    first = outcome(function, given)
    if first.error is not None:
        what = flaw(first.error, texts)
        if what is None and not case.bad and not case.may_refuse:
            what = "good arguments were refused"
        if what is None and case.bad:
            what = _late_or_vague(case, first)
        if what is not None:
            raise fault(case, texts, first, what) from None
        counts["refused"] += 1
    elif case.bad:
        names = " and ".join(sorted(case.bad))
        raise fault(case, texts, first, f"{names} must be refused, but there was an answer:")
    else:
        _check_answer(case, given, first)
        counts["answered well"] += 1
    if case.texts != case.twins and not case.bad:
        _check_form(case, first)


def _late_or_vague(case: Case, found: Outcome) -> str | None:
    """What is wrong with a well-formed refusal of a bad argument."""
    error: Any = found.error
    if STEPPING & {part.tb_frame.f_code.co_name for part in frames(error)}:
        return "it was refused only after steps had begun"
    if found.seconds > SLOWEST:
        return f"refused after {found.seconds:.1f} seconds"
    odd = [name for name, text in case.texts.items() if text != case.twins[name]]
    if len(odd) > 1 or case.may_refuse:
        return None
    (name,) = odd
    said = set(re.findall(r"\w+", str(error)))
    return None if said & names_of(case, name) else f"the message does not name {name}"


def _check_answer(case: Case, given: dict[str, Any], found: Outcome) -> None:
    """Raise unless an answer is whole and right, and can be had again."""
    function, fresh = arguments(case, case.twins)
    for name, value in given.items():
        if name not in MOVING and not alike(value, fresh[name]):
            raise fault(case, case.twins, found, f"the call changed {name}")
    if case.call.finite and (what := unsound(found.answer)):
        raise fault(case, case.twins, found, f"the answer {what}:")
    again = outcome(function, fresh)
    if again.error is not None or not alike(found.answer, again.answer):
        raise fault(case, case.twins, again, "the same call again gave another answer")
    _, known = arguments(case, case.twins)
    task = {"task": function.__self__} if case.call.name.startswith("task.") else {}
    try:
        with np.errstate(all="ignore"):
            size = magnitude([*known.values(), *task.values()])
            oracle = case.call.oracle
            wanted = oracle(found.answer, **task, **known) if oracle else None
        if wanted is not None and size < 1e100:
            agree(found.answer, wanted, 1e-12 * size)
    except Exception as error:
        last = frames(error)[-1]
        line = linecache.getline(last.tb_frame.f_code.co_filename, last.tb_lineno).strip()
        why = f"{str(error).strip()[:600] or type(error).__name__}, by `{line}`"
        raise fault(case, case.twins, found, f"the answer is wrong: {why}") from error


def _check_form(case: Case, first: Outcome) -> None:
    """Raise unless arguments in other forms do the same."""
    function, given = arguments(case, case.texts)
    found = outcome(function, given)
    if found.error is not None:
        what = flaw(found.error, case.texts)
        if what is None and first.error is None and not case.loose:
            what = "the same in plain form is answered"
        if what is not None:
            raise fault(case, case.texts, found, what)
    elif first.error is not None:
        raise fault(case, case.texts, found, "refused in plain form, but here is an answer:")
    elif not alike(found.answer, first.answer):
        shown = repr(dataclasses.replace(case, texts=case.twins)).rpartition("\n")[2]
        raise fault(case, case.texts, found, f"another answer than for {shown}")
    elif found.specialised or repr(case) in again_compiled:
        again_compiled.add(repr(case))
        raise fault(case, case.texts, found, "needs kernels of its own, seconds to compile")
    with contextlib.suppress(TypeError):  # iterators are used up
        _, fresh = arguments(case, case.texts)
        for name, value in given.items():
            if name not in MOVING and not alike(value, fresh[name]):
                raise fault(case, case.texts, found, f"the call changed {name}")


# --- answers --------------------------------------------------------------------------------------


def fields(value: Any) -> list[Any] | None:
    """What a value is made of, None where it is of one piece."""
    if isinstance(value, SCBTask):
        return [getattr(value, name) for name in type(value).__slots__]
    if isinstance(value, Stage | scbtools.Transform):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, pd.DataFrame):
        return [list(value.columns), *(value[name].tolist() for name in value)]
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, list | tuple) else None


def alike(one: Any, two: Any) -> bool:
    """Whether two values have the same types and bits."""
    if type(one) is not type(two):
        return False
    if (parts := fields(one)) is not None:
        others = fields(two) or []
        return len(parts) == len(others) and all(map(alike, parts, others))
    if isinstance(one, np.ndarray | np.generic) and one.dtype.kind in "biufcSU":
        if one.dtype.char == "g":  # has bytes without meaning
            return np.array_equal(one, two, equal_nan=True)
        same = one.dtype == two.dtype and one.shape == two.shape
        return same and np.asarray(one).tobytes() == np.asarray(two).tobytes()
    if isinstance(one, float):
        return one.hex() == two.hex()
    return bool(one == two) if isinstance(one, int | str | bytes) else True


def unsound(value: Any) -> str | None:
    """What is wrong with an answer whatever it should be, or None."""
    if (parts := fields(value)) is not None:
        return next((what for each in parts if (what := unsound(each))), None)
    if isinstance(value, np.ndarray):
        if type(value) is not np.ndarray:
            return f"has an array of type {type(value).__name__}"
        if value.dtype.kind not in "biu" and value.dtype != np.float64:
            return f"has an array of {value.dtype}"
    if isinstance(value, np.ndarray | float) and not np.isfinite(value).all():
        return "is not finite"
    return None


def magnitude(values: list[Any]) -> float:
    """How much larger than the spacing of numbers near 1 rounding may be."""
    found = 1.0
    for value in values:
        if isinstance(value, SCBTask):
            found *= value.seq_len / max(float(value.stationary.min()), 1e-50) ** 2
        elif isinstance(value, np.ndarray | float) and np.size(value):
            found *= min(max(1.0, float(np.abs(value).max())), 1e50) ** 2
        elif isinstance(value, tuple | list):
            found *= magnitude(list(value))
        found = min(found, 1e200)
    return found


def agree(found: Any, wanted: Any, slack: float) -> None:
    """Raise unless types are the same and numbers agree to rounding."""
    if isinstance(wanted, bool | int):
        assert type(found) is type(wanted), f"the type should be {type(wanted).__name__}"
        assert found == wanted, f"it should be {wanted!r}"
    elif isinstance(wanted, float):
        assert isinstance(found, float), "the type should be float"
        assert abs(found - wanted) <= slack + 1e-9 * abs(wanted), f"it should be {wanted!r}"
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype, f"dtype should be {wanted.dtype}"
        assert found.shape == wanted.shape, f"shape should be {wanted.shape}"
        if wanted.size:
            most = float(np.abs(wanted).max())
            gap = np.abs(found.astype(float) - wanted).max()
            assert gap <= slack + 1e-9 * most, f"off by {gap:.3g}; it should be {wanted}"
    else:
        assert type(found) is type(wanted), f"the type should be {type(wanted).__name__}"
        parts, others = fields(found), fields(wanted)
        if parts is None or others is None:
            assert found == wanted, f"it should be {wanted!r}"
        else:
            assert len(parts) == len(others)
            for one, two in zip(parts, others, strict=True):
                agree(one, two, slack)


# --- many cases -----------------------------------------------------------------------------------


def examine(call: Call, examples: int, seed: int | None = None) -> None:
    """Try a call many times; raise its simplest fault."""

    @hypothesis.seed(zlib.crc32(call.name.encode()) if seed is None else seed)
    @hypothesis.settings(
        max_examples=examples, database=None, deadline=None, report_multiple_bugs=False,
        print_blob=False, suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )  # fmt: skip
    @hypothesis.given(cases(call))
    def every_case(case: Case) -> None:
        check(case)

    every_case()
