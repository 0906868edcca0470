"""One file per step, forward only: a way back would have to throw papers away."""
