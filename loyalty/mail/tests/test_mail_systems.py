"""A mail system other than SMTP: the letters it gets, and what is said when it is not there."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import time_machine
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend

from loyalty.mail import delivery, outbox
from loyalty.mail.checks import mail_system
from loyalty.mail.models import Message

HERE = "loyalty.mail.tests.test_mail_systems."
AT = datetime(2026, 3, 2, 5, tzinfo=UTC)
taken = []


class Provider(BaseEmailBackend):
    """Takes what it gets, as the interface of a provider does: no connection to ask."""

    def send_messages(self, email_messages):
        taken.extend(email_messages)
        return len(email_messages)


class AwayProvider(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise ConnectionError("the provider does not answer")


class NeedsToken(BaseEmailBackend):
    def __init__(self, **options):
        raise ImproperlyConfigured("set PROVIDER_TOKEN")


def two_letters():
    wanted = [(number, f"{number}@example.com", "en", "welcome", "x", {"name": "Ani"}, AT) for number in "ab"]
    outbox.queue_many([outbox.Letter(*values) for values in wanted])


def deliver():
    with time_machine.travel(AT, tick=False):
        delivery.deliver_due(at=AT)


@pytest.mark.django_db
def test_a_mail_system_that_is_named_gets_the_letters(settings):
    settings.EMAIL_BACKEND = HERE + "Provider"
    taken.clear()
    assert mail_system() == []
    two_letters()
    deliver()
    assert sorted(email.to[0] for email in taken) == ["a@example.com", "b@example.com"]
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_what_a_mail_system_failed_at_is_uncertain_and_the_next_letter_waits(settings):
    settings.EMAIL_BACKEND = HERE + "AwayProvider"
    two_letters()
    deliver()
    assert sorted(Message.objects.values_list("status", flat=True)) == ["queued", "uncertain"]


@pytest.mark.parametrize(
    ("path", "found", "said", "hint"),
    [
        ("no_mail_package.backends.EmailBackend", "mail.E001", "“no_mail_package” is not installed", "pip install 'no_mail_package'"),
        ("loyalty.mail.nothing.EmailBackend", "mail.E002", "loyalty.mail.nothing", "Compare the path"),
        (HERE + "Nobody", "mail.E002", "Nobody", "Compare the path"),
        (HERE + "NeedsToken", "mail.E003", "set PROVIDER_TOKEN", "in the variable ANYMAIL"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_words(settings, path, found, said, hint):
    settings.EMAIL_BACKEND = path
    (fault,) = mail_system()
    assert fault.id == found and said in fault.msg and hint in fault.hint


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("anymail.backends.postmark.EmailBackend", "pip install 'django-anymail[postmark]'"),
        ("anymail.backends.amazon_ses.EmailBackend", "pip install 'django-anymail[amazon-ses]'"),
    ],
)
def test_a_system_of_anymail_names_what_to_install(settings, monkeypatch, path, package):
    monkeypatch.setattr("loyalty.mail.checks.find_spec", lambda name: None)
    settings.EMAIL_BACKEND = path
    assert package in mail_system()[0].hint


def test_the_environment_names_it_and_its_settings_and_the_check_runs_with_the_others(tmp_path):
    told = "from django.conf import settings as s; import json; print(json.dumps([s.EMAIL_BACKEND, s.ANYMAIL]))"
    ours = {"EMAIL_BACKEND": "no_mail_package.Backend", "ANYMAIL": '{"POSTMARK_SERVER_TOKEN": "x"}', "SETIA_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "loyalty.settings"}  # fmt: skip
    run = {"cwd": configured.BASE_DIR, "env": os.environ | ours, "capture_output": True, "text": True, "check": False}
    read = subprocess.run([sys.executable, "-c", told], **run)
    assert json.loads(read.stdout) == ["no_mail_package.Backend", {"REQUESTS_TIMEOUT": 10, "POSTMARK_SERVER_TOKEN": "x"}]  # fmt: skip
    checked = subprocess.run([sys.executable, "manage.py", "check", "--tag", "mail"], **run)
    assert checked.returncode == 1 and "mail.E001" in checked.stderr
