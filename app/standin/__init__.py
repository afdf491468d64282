"""The stand-in: what a server has only where it is started with `--stand-in`.

Nothing imports it but `contacts serve --stand-in`.
"""
