"""Tables, sessions and engines for SQLite and PostgreSQL, migrations, group commit, batches."""
