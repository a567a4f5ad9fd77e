"""Addresses of the demo's mailbox."""

from django.urls import path

from loyalty.mail import views

urlpatterns = [
    path("demo/mailbox/", views.mailbox, name="demo_mailbox"),
    path("demo/mailbox/<slug:name>/", views.letter_as_html, name="demo_letter"),
]
