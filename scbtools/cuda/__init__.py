"""Training on an NVIDIA GPU: the twin of the CPU's kernels, for who installs the extra `cuda`."""
