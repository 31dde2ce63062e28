"""Settings: `embedded` on a fresh machine, `production` on PostgreSQL and Redis; the environment is read here only."""
