"""Asks a server, whoever's it is, and tells where it differs from `docs/fidelity.md`."""
