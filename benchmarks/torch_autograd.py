"""A training step as one would first write it in PyTorch: one-hot tokens and autograd.

Clear, and the model reads as in the paper. Each token becomes N float64 numbers, and the random
draw is a general one (`torch.multinomial`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import one_hot

from scbtools import Batch, Params, SCBTask


class Peer:
    """The state of a run."""

    def __init__(
        self, task: SCBTask, batch_size: int, eta_v: float, eta_a: float, seed: int = 0
    ) -> None:
        torch.manual_seed(seed)
        self.batch_size, self.eta_v, self.eta_a = batch_size, eta_v, eta_a
        self.n, self.t = task.vocab_size, task.seq_len
        self.mu = torch.tensor(task.stationary)
        self.transition = torch.tensor(task.transition)
        sparse = task.sparse_attention
        self.positions, self.weights = torch.tensor(sparse.positions), torch.tensor(sparse.weights)
        self.A = torch.full((self.t, self.n), 1 / self.t, dtype=torch.float64, requires_grad=True)
        self.V = self.mu[:, None].repeat(1, self.n).requires_grad_()

    @staticmethod
    def memory(n: int, t: int, b: int) -> int:
        """Return about how many bytes a step needs: one-hot tokens as int64, then as float64."""
        return 16 * b * t * n

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return fresh tokens (B, T), last and target tokens (B,)."""
        size = self.batch_size
        tokens = torch.multinomial(self.mu, size * self.t, replacement=True).view(size, self.t)
        last = torch.multinomial(self.mu, size, replacement=True)
        slot = torch.multinomial(self.weights[last], 1)
        source = tokens.gather(1, self.positions[last].gather(1, slot))[:, 0]
        target = torch.multinomial(self.transition.T[source], 1)[:, 0]
        return tokens, last, target

    def backward(self, tokens: torch.Tensor, last: torch.Tensor, target: torch.Tensor) -> None:
        """Set the gradients of A and V."""
        X = one_hot(tokens, self.n).double()
        c = torch.einsum("btn,tb->bn", X, self.A[:, last])
        miss = one_hot(target, self.n) - c @ self.V.T
        loss = 0.5 * (miss**2).sum(dim=1).mean()
        self.A.grad = self.V.grad = None
        loss.backward()  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def update(self) -> None:
        """Take the step of eq. 4 along the gradients."""
        assert self.A.grad is not None
        assert self.V.grad is not None
        g = self.A.grad / self.mu
        self.A -= self.eta_a * (g - g.mean(dim=0))
        g = self.V.grad / self.mu
        g -= torch.outer(g @ self.mu, self.mu) / (self.mu @ self.mu)
        self.V -= self.eta_v * (g - g.mean(dim=0))

    def steps(self, count: int) -> None:
        """Take steps on fresh batches."""
        for _ in range(count):
            self.backward(*self.draw())
            self.update()

    def sample(self) -> Batch:
        """Return a batch from the sampler."""
        return Batch(*(part.numpy() for part in self.draw()))

    def gradient(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean gradients of A (T, N) and V (N, N) on given tokens."""
        self.backward(*(torch.tensor(part.astype(np.int64)) for part in batch))
        assert self.A.grad is not None
        assert self.V.grad is not None
        return self.A.grad.numpy(), self.V.grad.numpy()

    def step_on(self, batch: Batch) -> None:
        """Take one step on given tokens."""
        self.gradient(batch)
        self.update()

    def params(self) -> Params:
        """Return A (T, N) and V (N, N)."""
        return Params(self.A.detach().numpy().copy(), self.V.detach().numpy().copy())
