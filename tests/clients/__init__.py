"""Third-party programs and client generators, against a real server."""
