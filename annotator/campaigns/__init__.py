"""Campaigns: who reads which cines with which labels, and how the model learns from it."""
