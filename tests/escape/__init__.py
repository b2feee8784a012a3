"""The red-team suite: every case asserts on the host."""
