"""Tests of reading and writing MP4."""
