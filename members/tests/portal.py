"""What the tests of the portal share: a signed-in browser without a browser."""

from django.test import Client

from members.models import Member
from members.signin import user_for


def signed_in(member: Member) -> Client:
    """A client signed in as this member."""
    client = Client()
    client.force_login(user_for(member.email), backend="django.contrib.auth.backends.ModelBackend")
    return client


def words(response) -> str:
    """A page as one line of text with its tags."""
    return " ".join(response.content.decode().split())
