"""The commands, by who uses them; `starters.cli` puts them together."""
