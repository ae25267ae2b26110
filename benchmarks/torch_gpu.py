"""A training step as a strong user of PyTorch would write it, without autograd.

Integer tokens from a 16-bit table, scatter and gather instead of one-hot matrices, closed-form
gradients, preconditioned and projected, float64: the work that scbtools does, in as few PyTorch
operations as it takes.
"""

from __future__ import annotations

import numpy as np
import torch

from scbtools import Batch, SCBTask


class TorchStep:
    """The state of a run in PyTorch."""

    def __init__(
        self, task: SCBTask, batch_size: int, eta_v: float, eta_a: float, device: str = "cpu"
    ) -> None:
        self.device = device
        self.batch_size, self.eta_v, self.eta_a = batch_size, eta_v, eta_a
        self.n, self.t = task.vocab_size, task.seq_len
        self.mu = torch.tensor(task.stationary, device=device)
        self.square = float((self.mu**2).sum())
        counts = np.diff(np.rint(np.concatenate([[0], np.cumsum(task.stationary)]) * 65536))
        table = torch.repeat_interleave(torch.arange(self.n), torch.tensor(counts, dtype=int))
        self.table = table.to(device)
        sparse = task.sparse_attention
        self.positions = torch.tensor(sparse.positions, device=device)
        self.weights = torch.tensor(sparse.weights, device=device)
        self.transition = torch.tensor(
            task.transition.T.copy(), device=device
        )  # rows are distributions
        self.attention = torch.full(
            (self.n, self.t), 1 / self.t, dtype=torch.float64, device=device
        )
        self.value = self.mu[:, None].repeat(1, self.n)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return fresh tokens (B, T), last and target tokens (B,)."""
        size, device = (self.batch_size, self.t), self.device
        tokens = self.table[torch.randint(65536, size, dtype=torch.int32, device=device)]
        last = self.table[torch.randint(65536, size[:1], device=device)]
        slot = torch.multinomial(self.weights[last], 1)
        at = self.positions[last].gather(1, slot)
        source = tokens.gather(1, at)[:, 0]
        target = torch.multinomial(self.transition[source], 1)[:, 0]
        return tokens, last, target

    def gradient(
        self, tokens: torch.Tensor, last: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the raw gradients of attention (N, T) and value (N, N)."""
        batch = len(last)
        c = torch.zeros(batch, self.n, dtype=torch.float64, device=self.device)
        c.scatter_add_(1, tokens, self.attention[last])
        r = c @ self.value.T
        r[torch.arange(batch, device=self.device), target] -= 1
        w = r @ self.value
        grad_a = torch.zeros_like(self.attention)
        grad_a.index_add_(0, last, w.gather(1, tokens), alpha=1 / batch)
        return grad_a, (r.T @ c) / batch

    def step(self) -> None:
        """Take one preconditioned, projected step on a fresh batch."""
        grad_a, grad_v = self.gradient(*self.draw())
        grad_a -= grad_a.mean(dim=1, keepdim=True)
        self.attention.addcdiv_(grad_a, self.mu[:, None], value=-self.eta_a)
        grad_v = grad_v / self.mu
        grad_v -= torch.outer(grad_v @ self.mu, self.mu) / self.square
        self.value -= self.eta_v * (grad_v - grad_v.mean(dim=0))


def same_gradient(peer: TorchStep, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Return the peer's gradients, A (T, N) and V (N, N), on given tokens."""
    drawn = (torch.tensor(x.astype(np.int64), device=peer.device) for x in batch)
    grad_a, grad_v = peer.gradient(*drawn)
    return grad_a.cpu().numpy().T, grad_v.cpu().numpy()
