"""The procedure as pure Python: no input or output, no clock, no engine."""
