"""A Darwin Gödel Machine: see README.md."""
