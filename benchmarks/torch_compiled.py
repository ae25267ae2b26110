"""The step of `torch_tuned` under `torch.compile`.

Drawing, the sums over positions, and the gather for A's gradient are compiled C++ loops. The
random words come from PyTorch's own generator, outside.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmarks import torch_tuned
from scbtools import Batch, SCBTask


class Peer(torch_tuned.Peer):
    """The state of a run."""

    def __init__(
        self, task: SCBTask, batch_size: int, eta_v: float, eta_a: float, seed: int = 0
    ) -> None:
        super().__init__(task, batch_size, eta_v, eta_a, seed, together=1)
        # Blocks of one size, since each size would be compiled.
        sizes = [rows for rows in range(1, self.rows + 1) if batch_size % rows == 0]
        self.rows = max(sizes)
        self.words = torch.empty(self.rows, -(-self.t // 4), dtype=torch.int64)
        self.small_table = self.table.to(torch.uint8 if self.n <= 256 else torch.int16)
        torch.compiler.reset()  # it refuses to compile for more than a few shapes in one process
        self.fused_block = torch.compile(self._block, fullgraph=True, dynamic=False)
        self.fused_draw = torch.compile(self._draw, fullgraph=True, dynamic=False)
        self.fused_add = torch.compile(self._add, fullgraph=True, dynamic=False)
        self.fused_update = torch.compile(self._update, fullgraph=True, dynamic=False)

    def _tokens(self, bits: torch.Tensor) -> torch.Tensor:
        """Return the tokens of 16-bit draws."""
        if self.n > 4:
            return self.small_table[bits.int() & 0xFFFF]
        tokens = (bits >= self.edges[0]).to(torch.uint8)
        for edge in self.edges[1:]:
            tokens = tokens + (bits >= edge).to(torch.uint8)
        return tokens

    def _add(
        self, attention: torch.Tensor, value: torch.Tensor, grad_a: torch.Tensor,
        grad_v: torch.Tensor, tokens: torch.Tensor, last: torch.Tensor, target: torch.Tensor,
    ) -> None:  # fmt: skip
        """Add the gradients of some samples to grad_a and grad_v."""
        index = tokens.long()
        c = torch.zeros(len(last), self.n, dtype=torch.float64)
        c = c.scatter_add(1, index, attention[last])
        r = c @ value.T - torch.nn.functional.one_hot(target, self.n)
        grad_v += r.T @ c
        grad_a.index_add_(0, last, (r @ value).gather(1, index))

    def _block(
        self, attention: torch.Tensor, value: torch.Tensor, grad_a: torch.Tensor,
        grad_v: torch.Tensor, words: torch.Tensor, last: torch.Tensor, place: torch.Tensor,
        u: torch.Tensor,
    ) -> None:  # fmt: skip
        """Add the gradients of the samples that these random words make."""
        tokens, target = self._draw(words, place, u)
        self._add(attention, value, grad_a, grad_v, tokens, last, target)

    def _draw(
        self, words: torch.Tensor, place: torch.Tensor, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return tokens (rows, T) and target tokens (rows,) for given random numbers."""
        bits = words.view(torch.int16)[:, : self.t]
        tokens = self._tokens(bits)
        source = self._tokens(bits.gather(1, place[:, None]))[:, 0].long()
        return tokens, (self.transition_below[source] <= u[:, None]).sum(dim=1)

    def _update(
        self, attention: torch.Tensor, value: torch.Tensor, grad_a: torch.Tensor,
        grad_v: torch.Tensor,
    ) -> None:  # fmt: skip
        """Take the step of eq. 4 along the summed gradients, and set them to zero."""
        size, mu = self.batch_size, self.mu
        g = grad_a - grad_a.mean(dim=1, keepdim=True)
        attention -= (self.eta_a / size / mu)[:, None] * g
        g = grad_v / (size * mu)
        g = g - torch.outer(g @ mu, mu) / self.square
        value -= self.eta_v * (g - g.mean(dim=0))
        grad_a.zero_()
        grad_v.zero_()

    def _clear(self) -> None:
        """Set the gradients to zero."""
        self.grad_a.zero_()
        self.grad_v.zero_()

    @torch.no_grad()
    def steps(self, count: int) -> None:
        """Take steps on fresh batches."""
        state = self.attention, self.value, self.grad_a, self.grad_v
        self._clear()
        for _ in range(count):
            last, place = self.sample_ends(self.batch_size)
            u = torch.rand(self.batch_size, dtype=torch.float64)
            for begin in range(0, self.batch_size, self.rows):
                part = slice(begin, begin + self.rows)
                self.words.random_(-(2**63), None)
                self.fused_block(*state, self.words, last[part], place[part], u[part])
            self.fused_update(*state)

    @torch.no_grad()
    def sample(self) -> Batch:
        """Return a batch from the sampler, by blocks as the steps draw it."""
        last, place = self.sample_ends(self.batch_size)
        u = torch.rand(self.batch_size, dtype=torch.float64)
        parts = []
        for begin in range(0, self.batch_size, self.rows):
            part = slice(begin, begin + self.rows)
            self.words.random_(-(2**63), None)
            tokens, target = self.fused_draw(self.words, place[part], u[part])
            parts.append(Batch(tokens.numpy(), last[part].numpy(), target.numpy()))
        return Batch(*(np.concatenate(field) for field in zip(*parts, strict=True)))

    @torch.no_grad()
    def gradient(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean gradients of A (T, N) and V (N, N) on given tokens."""
        self._clear()
        tokens, last, target = (torch.tensor(part.astype(np.int64)) for part in batch)
        tokens = tokens.to(self.small_table.dtype)
        state = self.attention, self.value, self.grad_a, self.grad_v
        for begin in range(0, self.batch_size, self.rows):
            part = slice(begin, begin + self.rows)
            self.fused_add(*state, tokens[part], last[part], target[part])
        size = self.batch_size
        return self.grad_a.numpy().T / size, self.grad_v.numpy() / size

    @torch.no_grad()
    def step_on(self, batch: Batch) -> None:
        """Take one step on given tokens."""
        self.gradient(batch)
        self.fused_update(self.attention, self.value, self.grad_a, self.grad_v)
