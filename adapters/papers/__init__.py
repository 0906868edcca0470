"""Papers as PDF (R8, R9, R10): set from templates, signed by the service, verified for anyone."""
