"""Graphs in a database: SQLite or PostgreSQL, through SQLAlchemy.

Read in this order: `tables.py` (what is kept), `engine.py` (how a database is opened),
`source.py` (loading and finding), `bulk.py` (import), `add.py` (one atom, one edge at a time).
Importing this package loads SQLAlchemy; `chainer.graph` never does.
"""
