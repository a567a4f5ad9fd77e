"""Addresses of the portal's pages about the member, and of the sign-in pages Setia does not offer."""

from django.urls import path

from members import consents_views, inbox_views, letters_views, passing_views, points_views, views
from members.tiers.tiers_views import buy_tier, show_tier

urlpatterns = [
    path("sign-in/", views.sign_in, name="portal_sign_in"),
    path("history/", views.show_history, name="portal_history"),
    path("history/download/", views.download_history, name="portal_history_csv"),
    path("history/then/", points_views.show_day, name="portal_history_day"),
    path("history/<int:number>/", points_views.show_line, name="portal_history_line"),
    path("tier/", show_tier, name="portal_tier"),
    path("tier/<slug:slug>/", buy_tier, name="portal_tier_buy"),
    path("points/", points_views.show_points, name="portal_points"),
    path("points/pass-on/", passing_views.pass_on, name="portal_pass_on"),
    path("profile/", views.show_profile, name="portal_profile"),
    path("profile/consents/", consents_views.show_consents, name="portal_consents"),
    path("profile/program/", views.switch_program, name="portal_switch_program"),
    path("profile/language/", views.save_language, name="portal_language"),
    path("letters/", inbox_views.show_inbox, name="portal_inbox"),
    path("letters/<int:number>/", inbox_views.show_letter, name="portal_letter"),
    path("letters/read/", inbox_views.read_all, name="portal_inbox_read"),
    path("letters/unsubscribe/<str:token>/", letters_views.unsubscribe, name="letter_unsubscribe"),
    path("letters/choices/<str:token>/", letters_views.choose, name="letter_choices"),
    path("language/", views.switch_language, name="portal_switch_language"),
    path("accounts/signup/", views.to_sign_in, name="portal_not_signup"),
    path("accounts/email/", views.to_sign_in, name="portal_not_email"),
    path("accounts/password/set/", views.to_sign_in, name="portal_not_password_set"),
]
