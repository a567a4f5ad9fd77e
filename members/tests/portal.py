"""What the tests of the portal share: a signed-in browser without a browser."""

from allauth.account.models import EmailAddress
from django.test import Client

from members.models import Member
from members.signin import user_for


def signed_in(member: Member) -> Client:
    """A client signed in as this member."""
    client = Client()
    user = user_for(member.email)
    EmailAddress.objects.filter(user=user).update(verified=True)  # as by the code they typed
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def words(response) -> str:
    """A page as one line of text with its tags."""
    return " ".join(response.content.decode().split())
