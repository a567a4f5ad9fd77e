"""Signing in: members by an emailed code, staff by password and second factor."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter


class SignInAdapter(DefaultAccountAdapter):
    """Nobody signs up through the sign-in pages: members are enrolled, staff are invited."""

    def is_open_for_signup(self, request):
        return False


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors."""
