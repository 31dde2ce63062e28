"""Training and evaluation; runs in a process of its own and knows nothing of the web tier."""
