"""How good is a take? Measured once for each file, judged over the part that plays.

`survey` decodes a file in a limited child and keeps what it measured in the store; `judge` is pure
and says what is wrong. Nothing here knows of a graph or of another take.
"""
