"""Tests of the ground floor: time, digests, errors, the public names."""
