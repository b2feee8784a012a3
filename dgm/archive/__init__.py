"""Adapter: the facts of a run in SQLite, the code of its agents in a bare git repository."""
