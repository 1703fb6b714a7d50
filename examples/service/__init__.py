"""A small backend that makes episodes: a place to start from, explained in docs/backend.md.

app.py       the routes: read this first
orders.py    what a client may ask for, and the plan that it becomes
service.py   the line, the renders under way, cancelling, what lies on disk
job.py       one episode in the making, and whoever listens to it
problems.py  every error as problem JSON with the right HTTP status
config.py    settings from the environment
"""
