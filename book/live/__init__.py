"""Live figures: the library's own kernels under the reader's hands, see `bundle` and `core.mjs`."""
