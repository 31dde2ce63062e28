"""Embedded, with Django's debug pages for the people who change the code."""

from annotator.settings.embedded import *  # noqa: F403

DEBUG = True
