"""Addresses of the portal's pages about challenges."""

from django.urls import path

from campaigns import challenge_views

urlpatterns = [
    path("challenges/", challenge_views.show_challenges, name="portal_challenges"),
    path("challenges/name/", challenge_views.save_display_name, name="portal_display_name"),
]
