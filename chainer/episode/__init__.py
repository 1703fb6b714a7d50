"""The finished folder: manifest, chapters, writing it whole, and checking it."""
