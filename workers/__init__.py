"""The composition root: settings, adapters and the worker that runs the cases."""
