"""Serving: gunicorn as a library, its worker, and the steps before it starts."""
