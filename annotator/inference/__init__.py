"""Inference: workers, leases, jobs and their results, and the sockets that show them."""
