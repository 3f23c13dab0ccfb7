"""One script per claim; each says what it measures, on which versions, and writes a table."""
