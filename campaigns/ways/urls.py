"""Addresses of the portal's pages of ways to earn."""

from django.urls import path

from campaigns.ways import views

urlpatterns = [
    path("ways/", views.show_ways, name="portal_ways"),
    path("friends/", views.show_friends, name="portal_friends"),
    path("friends/shared/", views.say_shared, name="portal_shared"),
    path("join/<slug:code>/", views.join, name="portal_join"),
    path("surveys/<slug:slug>/", views.answer_survey, name="portal_survey"),
    path("visit/<slug:store>/", views.visit, name="portal_visit"),
    path("ways/registrations/", views.register_product, name="portal_registrations"),
    path("ways/reviews/", views.review, name="portal_reviews"),
]
