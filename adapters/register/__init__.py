"""The register (реестр) in SQL: one file of SQLite for one machine, PostgreSQL for a service."""
