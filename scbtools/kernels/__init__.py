"""Compiled kernels: the token stream and the mini-batch gradient."""
