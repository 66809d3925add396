"""The command line: reads what a person wants, has it done, and tells how it went."""
