"""The stand-in: what a server adds when it is started with `--stand-in`, in one process.

Only `contacts serve --stand-in` loads it, and `contacts keys` for a stand-in's clock.
"""
