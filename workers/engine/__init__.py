"""Models behind one protocol: open a cine, prompt, propagate."""
