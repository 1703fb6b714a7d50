"""Who may appear, where and until when; what may be shown to whom, and who is owed what.

Read in this order: `words.py`, `entry.py` (what a ledger holds), `standing.py` (what it means),
`presence.py` (who is in an atom), `need.py` (what a chain asks), `gate.py` (the answer).
"""
