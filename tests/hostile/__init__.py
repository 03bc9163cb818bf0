"""A server that misbehaves on purpose, and what each misbehaviour must come to."""
