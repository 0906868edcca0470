"""Stand-ins for holders, payments and the mail server, with faults on demand."""
