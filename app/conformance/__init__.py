"""Compares any server with the behaviour in `docs/fidelity.md`; `contacts check` runs it."""
