"""What the benchmark of takes is made of."""
