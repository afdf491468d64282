"""The pages: `README.md`, `CHANGELOG.md` and `docs/`, held to the code and run."""
