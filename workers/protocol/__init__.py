"""What the web tier and the workers say to each other: messages, the mask codec, digests. NumPy only."""
