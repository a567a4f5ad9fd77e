"""Addresses of the demo's mailbox, and of the call that tells of bounces."""

from django.urls import path

from loyalty.mail import views

urlpatterns = [
    path("hooks/mail/", views.take_events, name="mail_events"),
    path("demo/mailbox/", views.mailbox, name="demo_mailbox"),
    path("demo/mailbox/<slug:name>/", views.letter_as_html, name="demo_letter"),
]
