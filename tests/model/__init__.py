"""A model of the service in plain Python, by its contract, and what compares the two."""
