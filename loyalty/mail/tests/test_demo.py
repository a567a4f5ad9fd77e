"""In demo mode letters can be read in the browser; otherwise that page does not exist."""

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from loyalty.mail import demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(settings, tmp_path):
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    settings.EMAIL_BACKEND = "loyalty.mail.demo.DemoMailboxBackend"
    return get_connection("loyalty.mail.demo.DemoMailboxBackend")


def send(mailbox, to, subject, text="Your code: 123456", html=""):
    email = EmailMultiAlternatives(subject, text, to=[to], connection=mailbox)
    if html:
        email.attach_alternative(html, "text/html")
    email.send()


def test_a_letter_can_be_read_on_the_page_newest_first(mailbox, client, capsys):
    send(mailbox, "ani@example.com", "First")
    send(mailbox, "budi@example.com", "Second", text="Kode: 654321 <b>")
    page = client.get("/demo/mailbox/").content.decode()
    assert page.index("Second") < page.index("First")
    assert "Kode: 654321 &lt;b&gt;" in page and "ani@example.com" in page
    assert "Letter for ani@example.com: First" in capsys.readouterr().out


def test_letters_are_found_by_address(mailbox, client):
    send(mailbox, "ani@example.com", "First")
    send(mailbox, "budi@example.com", "Second")
    page = client.get("/demo/mailbox/", {"to": "BUDI"}).content.decode()
    assert "Second" in page and "First" not in page
    assert "No letter matches" in client.get("/demo/mailbox/", {"to": "nobody"}).content.decode()


def test_the_html_of_a_letter_is_shown_without_any_script(mailbox, client):
    send(mailbox, "ani@example.com", "First", html="<p style='color:red'>Hello</p>")
    (letter,) = demo.newest()
    answer = client.get(f"/demo/mailbox/{letter.name}/")
    assert answer.content == b"<p style='color:red'>Hello</p>"
    policy = answer["Content-Security-Policy"]
    assert "script-src 'none'" in policy and "style-src 'unsafe-inline'" in policy and "sandbox" in policy


@pytest.mark.parametrize("name", ["none", "x-y"])
def test_an_unknown_letter_is_not_found(mailbox, client, name):
    assert client.get(f"/demo/mailbox/{name}/").status_code == 404


def test_outside_demo_mode_there_is_no_mailbox(mailbox, client, settings):
    send(mailbox, "ani@example.com", "First", html="<p>x</p>")
    settings.DEMO = False
    assert client.get("/demo/mailbox/").status_code == 404
    assert client.get(f"/demo/mailbox/{demo.newest()[0].name}/").status_code == 404


def test_only_the_newest_letters_are_kept(mailbox, monkeypatch):
    monkeypatch.setattr(demo, "KEPT", 3)
    for number in range(5):
        send(mailbox, "ani@example.com", f"Letter {number}")
    assert [letter.subject for letter in demo.newest()] == ["Letter 4", "Letter 3", "Letter 2"]
