"""The ground of Setia: books, mail, tills, jobs and the wiring that holds the program together."""

from loyalty.celery import app as celery_app

__all__ = ["celery_app"]
