"""Programs and generators of others, against a real server."""
