"""Users, sign-in and tokens."""
