"""Ctrl-C, held back while something is half done."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["Held"]


class Held:
    """A context in which Ctrl-C waits until `let` is called, or the end, but where it is `opened`.

    It does nothing outside the main thread, where no signal arrives, nor where the program has no
    handler in Python.
    """

    def __init__(self) -> None:
        self.waiting = False
        self._open = False
        self._before: Any = None

    def __enter__(self) -> Held:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                signal.signal(signal.SIGINT, self._arrive)
        return self

    def _arrive(self, number: int, frame: FrameType | None) -> None:
        self.waiting = True
        if self._open:
            self.let()

    def let(self) -> None:
        """Hand a signal that waits to the program's own handler, which may raise."""
        if self.waiting:
            self.waiting = False
            self._before(signal.SIGINT, None)

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Let Ctrl-C in at any time."""
        self._open = True
        try:
            self.let()
            yield
        finally:
            self._open = False

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self.let()
