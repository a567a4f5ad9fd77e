"""Every address. Apps are named by string, so that the ground imports nothing above it."""

from django.contrib import admin
from django.urls import include, path

from loyalty.api import api, api_reference
from loyalty.demonstration import second_factor
from loyalty.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/v1/docs", api_reference, name="api_reference"),
    path("api/v1/", api.urls),
    path("", include("members.urls")),
    path("", include("rewards.urls")),
    path("", include("campaigns.ways.urls")),
    path("", include("campaigns.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("loyalty.mail.urls")),
    path("demo/second-factor/", second_factor, name="demo_second_factor"),
]
