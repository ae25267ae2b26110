"""Races between scbtools and what a strong user of other libraries would write."""

PEERS = ("torch_autograd", "torch_tuned", "torch_compiled", "jax_peer", "numpy_peer")
"""Modules of this package that hold a class `Peer`."""
