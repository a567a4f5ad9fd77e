"""Addresses of the portal's pages about points and rewards."""

from django.urls import path

from rewards import download_views, giving_views, paper_views, parcel_views, paying_views, views
from rewards.chances import views as chance_views
from rewards.draws import views as draw_views

urlpatterns = [
    path("", views.home, name="portal_home"),
    path("rewards/", views.show_rewards, name="portal_rewards"),
    path("rewards/<slug:slug>/redeem/", views.redeem, name="portal_reward_redeem"),
    path("causes/<slug:program>/", giving_views.causes_page, name="causes_page"),
    path("pay/", paying_views.show_paying, name="portal_pay"),
    path("pictures/<slug:digest>/<slug:size>.webp", views.picture, name="reward_picture"),
    path("vouchers/", views.vouchers, name="portal_vouchers"),
    path("vouchers/<int:pk>/", views.voucher, name="portal_voucher"),
    path("vouchers/<int:pk>/address/", parcel_views.address, name="portal_voucher_address"),
    path("vouchers/<int:pk>/print/", paper_views.show_paper, name="portal_voucher_paper"),
    path("vouchers/<int:pk>/cancel/", views.cancel, name="portal_voucher_cancel"),
    path("files/<str:token>/", download_views.fetch, name="portal_download"),
    path("prizes/<slug:program>/<slug:slug>/", chance_views.pool_page, name="prize_pool_page"),
    path("prizes/<slug:program>/<slug:slug>/record.json", chance_views.pool_record, name="prize_pool_record"),
    path("draws/", draw_views.draws, name="portal_draws"),
    path("draws/<slug:program>/<slug:slug>/", draw_views.draw_page, name="draw_page"),
    path("draws/<slug:program>/<slug:slug>/record.json", draw_views.draw_record, name="draw_record"),
]
