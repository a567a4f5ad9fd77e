"""Addresses of the portal's pages about the member, and of the sign-in pages Setia does not offer."""

from django.urls import path

from members import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="portal_sign_in"),
    path("history/", views.show_history, name="portal_history"),
    path("history/download/", views.download_history, name="portal_history_csv"),
    path("profile/", views.show_profile, name="portal_profile"),
    path("profile/language/", views.save_language, name="portal_language"),
    path("language/", views.switch_language, name="portal_switch_language"),
    path("accounts/signup/", views.to_sign_in, name="portal_not_signup"),
    path("accounts/email/", views.to_sign_in, name="portal_not_email"),
    path("accounts/password/set/", views.to_sign_in, name="portal_not_password_set"),
]
