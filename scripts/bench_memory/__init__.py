"""The benchmark of the memory: what it finds, mends, remembers and costs, on joints made here."""
