"""What is waiting to be fetched, and what was seen: sources with a memory."""
