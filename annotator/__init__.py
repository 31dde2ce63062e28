"""The web tier: it holds the truth and never loads torch."""
