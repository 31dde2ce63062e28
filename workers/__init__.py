"""The programs that run the models. Nothing here imports Django or the web tier."""
