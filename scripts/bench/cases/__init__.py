"""The cases of the benchmark: each measures one promise and says whether it is kept."""
