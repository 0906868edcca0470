"""Scans checked and cleaned (R2): each in a process of its own, which may die of it."""
