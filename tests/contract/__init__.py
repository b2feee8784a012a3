"""One suite over a fake and the real adapter."""
