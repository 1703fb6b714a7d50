"""What the characters and the world looked like along a chain, and where a clip drifts from it.

    take ──observe──> Observation ──step──> MemoryState, JointReport ──> grade, cut, joint, score

The room loads OpenCV and numpy with its first observation, not with its import.
"""
