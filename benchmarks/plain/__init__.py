"""The yardstick: the same shape of case, as a good developer writes it for Temporal alone."""
