"""The benchmark of batches: what many episodes cost together, and what they survive."""
