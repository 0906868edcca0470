"""Sealing (R13): a data key for every case, and what is encrypted with it."""
