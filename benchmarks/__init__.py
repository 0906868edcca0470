"""The bench: the complete product beside the same shape of case as plain Temporal code."""
