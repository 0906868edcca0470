"""What a person or a system starts: the command line and the embedded stack."""
