"""Scripts that build the book and look after its kernels."""
