"""The floors: the least that a Flask application could do in place of ours."""

import os
import sqlite3
import threading

from flask import Flask, request


def hello() -> Flask:
    """Return a page that says hello."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        return "hello"

    return app


def insert() -> Flask:
    """Return a view that inserts one row for each post, in a database set up as ours is."""
    path = os.environ["FLOOR_DATABASE"]
    app = Flask(__name__)
    local = threading.local()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(path, timeout=20, isolation_level=None)
            local.connection.execute("PRAGMA journal_mode=WAL")
            local.connection.execute("PRAGMA synchronous=FULL")
        kept: sqlite3.Connection = local.connection
        return kept

    connection().execute("CREATE TABLE IF NOT EXISTS signature (name TEXT, email TEXT)")

    @app.post("/")
    def keep() -> tuple[str, int]:
        db = connection()
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO signature VALUES (?, ?)", (request.form["name"], request.form["email"]))
        db.execute("COMMIT")
        return "", 303

    return app
