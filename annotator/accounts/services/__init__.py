"""Make accounts, sign people in, and keep what they have set for themselves."""

from .preferences import preference_of, set_preference
from .users import check_credentials, create_user, user_group

__all__ = ["check_credentials", "create_user", "preference_of", "set_preference", "user_group"]
