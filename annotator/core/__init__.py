"""What every app may lean on: ids, errors, transitions, audit, blobs, tasks by name, real-time hints."""
