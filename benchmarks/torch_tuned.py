"""The fastest training step that we could write by hand in PyTorch.

What was tried, in ns a token on one busy core (N = 3, T = 5000, B = 64), fastest first:

- Random bits: 1.4 four tokens from each int64 of `random_`; 3.8 uint8; 12 `randint` to 65536.
- Bits to tokens: 0.5 clamps between edges (N up to 4); 1.3 `index_select` in an int16 table, by
  int32; 1.4 comparisons; 6.5 `bucketize`; 21 `multinomial`, bits included (53 at N = 64).
- c = Xa: 1.4 `scatter_add_` by int64 tokens; 1.9 to 2.3 one `bincount`; 2.5 masks as float64
  and a matrix product (19 at N = 10); 2.7 `index_add_`; 3.1 `bincount` per sample.
- Gradient of A: 1.4 `gather` and 0.4 `index_add_` of rows; 1.8 `index_select` per sample; 58
  `embedding_bag`.
- Samples with the same last token weigh positions alike, so G of them can be read as one number
  with G digits: scatter and gather then cost 1/G each. Helps for long sequences and few tokens.

All large buffers are allocated once.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from benchmarks.protocol import edges16
from scbtools import Batch, Params, SCBTask

BLOCK = 2**19  # tokens worked on at a time


def invert(below: torch.Tensor) -> torch.Tensor:
    """Return one draw (rows, 1) from each distribution function (rows, n - 1)."""
    return torch.searchsorted(below, torch.rand(len(below), 1, dtype=torch.float64))


class Peer:
    """The state of a run."""

    def __init__(
        self, task: SCBTask, batch_size: int, eta_v: float, eta_a: float, seed: int = 0,
        together: int | None = None,
    ) -> None:  # fmt: skip
        torch.manual_seed(seed)
        self.batch_size, self.eta_v, self.eta_a = batch_size, eta_v, eta_a
        n, t = self.n, self.t = task.vocab_size, task.seq_len
        self.mu = torch.tensor(task.stationary)
        self.square = float(self.mu @ self.mu)
        sparse = task.sparse_attention
        self.positions = torch.tensor(sparse.positions)
        # Distribution functions without their ends, rows by token.
        self.mu_below = self.mu.cumsum(0)[:-1]
        self.weights_below = torch.tensor(sparse.weights.cumsum(1)[:, :-1].copy())
        self.transition_below = (
            torch.tensor(task.transition.T.copy()).cumsum(1)[:, :-1].contiguous()
        )
        self.attention = torch.full((n, t), 1 / t, dtype=torch.float64)
        self.value = self.mu[:, None].repeat(1, n)

        # Random bits are read as signed numbers, since uint16 can do little in PyTorch.
        edges = edges16(task.stationary)
        self.edges = [int(edge) - 32768 for edge in edges]
        lookup = np.searchsorted(edges, np.arange(65536), side="right")
        self.table = torch.tensor(lookup.astype(np.int16))

        self.together = together or self._how_many()
        codes = torch.arange(n**self.together)
        digits = [codes // n**j % n for j in range(self.together)]
        self.digits = torch.cat(
            [torch.nn.functional.one_hot(digit, n) for digit in digits], dim=1
        ).double()

        # Buffers, so that a step allocates nothing large.
        blocks = math.ceil(batch_size * t / BLOCK)
        rows = self.rows = min(batch_size, max(math.ceil(batch_size / blocks), self.together))
        self.words = torch.empty(rows, -(-t // 4), dtype=torch.int64)
        self.spare = torch.empty(rows, t, dtype=torch.int16)
        self.index = torch.empty(rows, t, dtype=torch.int32)
        self.tokens = torch.zeros(rows + 1, t, dtype=torch.int16)  # the last row stays 0
        self.joint = torch.empty(rows, t, dtype=torch.int16)
        self.picked = torch.empty(rows, t, dtype=torch.int16)
        self.code = torch.empty(rows, t, dtype=torch.int64)
        self.weight = torch.empty(rows, t, dtype=torch.float64)
        self.samples = torch.arange(rows)
        self.grad_a = torch.empty(n, t, dtype=torch.float64)
        self.grad_v = torch.empty(n, n, dtype=torch.float64)

    @staticmethod
    def memory(n: int, t: int, b: int) -> int:
        """Return about how many bytes a step needs: blocks of tokens, rows of A."""
        return 32 * max(BLOCK, 6 * t) + 24 * n * t

    def _how_many(self) -> int:
        """Return how many samples to read as one: their codes should be few beside T and B."""
        most = min(self.t // 5, 40 * self.batch_size, 2500)
        size = 1
        while self.n ** (size + 1) <= most and size < 6:
            size += 1
        return size

    def draw(self, tokens: torch.Tensor) -> None:
        """Fill tokens (rows, T) int16 with draws from mu, 16 bits each."""
        rows = len(tokens)
        words = self.words[:rows]
        words.random_(-(2**63), None)  # all 64 bits
        bits = words.view(torch.int16)[:, : self.t]
        if self.n <= 4:  # count the edges that are reached
            spare = self.spare[:rows]  # a clamp is faster than a comparison
            torch.clamp(bits, self.edges[0] - 1, self.edges[0], out=tokens)
            for edge in self.edges[1:]:
                tokens += torch.clamp(bits, edge - 1, edge, out=spare)
            tokens -= sum(self.edges) - len(self.edges)
        else:
            index = self.index[:rows]
            index.copy_(bits.view(torch.uint16))
            torch.index_select(self.table, 0, index.view(-1), out=tokens.view(-1))

    def sample_ends(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return sorted last tokens (B,), and where each sample's target looks (B,)."""
        last = torch.searchsorted(self.mu_below, torch.rand(size, dtype=torch.float64).sort()[0])
        return last, self.positions[last].gather(1, invert(self.weights_below[last]))[:, 0]

    def packs(self, last: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return which samples to read as one (G, P), their last tokens, and each sample's slot.

        Samples read as one share their last token, and so their weights. A slot without a sample
        names the row of zeros. Plain Python, since each operation of PyTorch costs microseconds.
        """
        size = self.together
        flat: list[int] = []
        token: list[int] = []
        slots: list[int] = []
        for i, k in enumerate(last.tolist()):
            if len(flat) == len(token) * size or k != token[-1]:
                flat += [self.rows] * (len(token) * size - len(flat))
                token.append(k)
            slots.append(len(flat))
            flat.append(i)
        flat += [self.rows] * (len(token) * size - len(flat))
        return torch.tensor(flat).view(-1, size).T, torch.tensor(token), torch.tensor(slots)

    def add_block(self, tokens: torch.Tensor, last: torch.Tensor, target: torch.Tensor) -> None:
        """Add the gradients of some samples, whose tokens are the first rows of `self.tokens`."""
        rows, size = len(last), self.together
        if size == 1:
            joint, token = tokens, last
        else:
            samples, token, slots = self.packs(last)
            joint, picked = self.joint[: len(token)], self.picked[: len(token)]
            torch.index_select(self.tokens, 0, samples[0], out=joint)
            for j in range(1, size):
                torch.index_select(self.tokens, 0, samples[j], out=picked)
                joint.add_(picked, alpha=self.n**j)
        packs = len(token)
        code, weight = self.code[:packs], self.weight[:packs]
        code.copy_(joint)
        torch.index_select(self.attention, 0, token, out=weight)
        sums = weight.new_zeros(packs, len(self.digits)).scatter_add_(1, code, weight)
        c = sums if size == 1 else (sums @ self.digits).view(-1, self.n)[slots]

        r = c @ self.value.T
        r[self.samples[:rows], target] -= 1
        self.grad_v.addmm_(r.T, c)
        w = r @ self.value

        if size > 1:
            by_slot = w.new_zeros(packs * size, self.n).index_copy_(0, slots, w)
            w = by_slot.view(packs, -1) @ self.digits.T
        torch.gather(w, 1, code, out=weight)
        self.grad_a.index_add_(0, token, weight)

    @torch.inference_mode()
    def gradient(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean gradients of A (T, N) and V (N, N) on given tokens."""
        self.grad_a.zero_()
        self.grad_v.zero_()
        order = np.argsort(batch.last, kind="stable")
        tokens, last, target = (torch.tensor(part[order].astype(np.int64)) for part in batch)
        for begin in range(0, len(last), self.rows):
            part = slice(begin, begin + self.rows)
            rows = self.tokens[: len(last[part])]
            rows.copy_(tokens[part])
            self.add_block(rows, last[part], target[part])
        size = len(last)
        return self.grad_a.numpy().T / size, self.grad_v.numpy() / size

    def sample(self) -> Batch:
        """Return a batch from the sampler, by blocks as the steps draw it."""
        last, place = self.sample_ends(self.batch_size)
        parts = []
        for begin in range(0, self.batch_size, self.rows):
            part = slice(begin, begin + self.rows)
            tokens, target = self.draw_block(place[part])
            parts.append(Batch(tokens.numpy().copy(), last[part].numpy(), target.numpy()))
        return Batch(*(np.concatenate(field) for field in zip(*parts, strict=True)))

    def draw_block(self, place: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return fresh tokens of some samples, and their targets, drawn by the token at `place`."""
        tokens = self.tokens[: len(place)]
        self.draw(tokens)
        source = tokens.gather(1, place[:, None])[:, 0].long()
        return tokens, invert(self.transition_below[source])[:, 0]

    def step_on(self, batch: Batch) -> None:
        """Take one step on given tokens."""
        self.gradient(batch)
        self.update()

    def params(self) -> Params:
        """Return A (T, N) and V (N, N)."""
        return Params(self.attention.numpy().T.copy(), self.value.numpy().copy())

    @torch.inference_mode()
    def steps(self, count: int) -> None:
        """Take steps on fresh batches."""
        for _ in range(count):
            self.grad_a.zero_()
            self.grad_v.zero_()
            last, place = self.sample_ends(self.batch_size)
            for begin in range(0, self.batch_size, self.rows):
                part = slice(begin, begin + self.rows)
                tokens, target = self.draw_block(place[part])
                self.add_block(tokens, last[part], target)
            self.update()

    def update(self) -> None:
        """Take the step of eq. 4 along the summed gradients."""
        grad_a, grad_v = self.grad_a, self.grad_v / self.batch_size
        grad_a -= grad_a.mean(dim=1, keepdim=True)
        self.attention.addcdiv_(grad_a, self.mu[:, None], value=-self.eta_a / self.batch_size)
        grad_v = grad_v / self.mu
        grad_v -= torch.outer(grad_v @ self.mu, self.mu) / self.square
        self.value -= self.eta_v * (grad_v - grad_v.mean(dim=0))
