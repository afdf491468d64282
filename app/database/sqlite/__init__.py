"""The SQLite engine: connections, transactions, locks, files and migrations."""
