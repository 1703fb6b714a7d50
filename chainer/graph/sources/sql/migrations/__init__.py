"""How a graph database goes from one version to the next; run by `upgrade.py`."""
