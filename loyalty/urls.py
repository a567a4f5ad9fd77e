"""Every address. Apps are named by string, so that the ground imports nothing above it."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("members.urls")),
    path("", include("rewards.urls")),
    path("accounts/", include("allauth.urls")),
]
