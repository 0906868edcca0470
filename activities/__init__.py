"""Thin, idempotent steps between the workflow and the adapters."""
