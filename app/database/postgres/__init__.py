"""PostgreSQL as the engine: any number of servers share one database."""
