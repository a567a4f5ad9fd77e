"""Addresses of the portal's pages about points and rewards."""

from django.urls import path

from rewards import views

urlpatterns = [
    path("", views.home, name="portal_home"),
    path("rewards/", views.show_rewards, name="portal_rewards"),
    path("rewards/<slug:slug>/redeem/", views.redeem, name="portal_reward_redeem"),
    path("vouchers/", views.vouchers, name="portal_vouchers"),
    path("vouchers/<int:pk>/", views.voucher, name="portal_voucher"),
    path("vouchers/<int:pk>/cancel/", views.cancel, name="portal_voucher_cancel"),
]
