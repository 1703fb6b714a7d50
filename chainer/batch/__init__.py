"""Many episodes at once: job files, one plan for all of them, the ledger, here or on a cluster."""
