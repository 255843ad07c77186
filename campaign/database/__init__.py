"""The database: tables' base, sessions, SQLite and PostgreSQL, migrations, group commit, batches."""
