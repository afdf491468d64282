"""The service in plain Python, by its contract, and what drives the two side by side."""
