"""Addresses of jobs."""

from django.urls import path

from annotator.inference.api import JobCancelView, JobListView

urlpatterns = [
    path("readings/<uuid:reading_id>/jobs/", JobListView.as_view(), name="reading-jobs"),
    path("readings/<uuid:reading_id>/jobs/<uuid:job_id>/cancel/", JobCancelView.as_view(), name="job-cancel"),
]
