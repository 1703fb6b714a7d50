"""Graphs in files and in databases."""
