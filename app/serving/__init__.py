"""Serving: gunicorn from inside, its worker, and what happens before it starts."""
