"""Jobs over HTTP: who sees and stops them, and how refusals look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from annotator.accounts.models import User
from annotator.inference.models import InferenceJob
from annotator.readings.models import Reading
from tests.annotator.inference.helpers import asked, job_of, silence
from tests.factories.inference import FakeWorker, MemoryBroker
from tests.factories.readings import Tab, click, make_campaign, make_member, make_reading, make_user

pytestmark = pytest.mark.django_db

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def reading(worker: FakeWorker) -> Reading:
    """Return a fresh reading while a worker is there."""
    return make_reading()


def client_of(user: User | None) -> APIClient:
    """Return a client that is signed in as a user, or as nobody."""
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def jobs_of(user: User | None, reading: Reading, **query: Any) -> Any:
    """List the jobs of a reading."""
    return client_of(user).get(f"/api/v1/readings/{reading.pk}/jobs/", query)


def cancel(user: User | None, reading_id: object, job_id: object) -> Any:
    """Stop a job."""
    return client_of(user).post(f"/api/v1/readings/{reading_id}/jobs/{job_id}/cancel/")


def refusal_of(answer: Any) -> tuple[int, str]:
    """Return (status, code) of a refusal, having checked its shape."""
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["message"].endswith(".")
    return answer.status_code, body["error"]["code"]


def test_the_jobs_of_a_reading(reading: Reading, worker: FakeWorker, broker: MemoryBroker) -> None:
    """The newest first, each with its progress and what went wrong."""
    tab = Tab(reading)
    tab.send("prompt", click(frame=0))
    worker.serve(broker)
    tab.send("prompt", click(frame=1))
    worker.fail(asked(broker))
    tab.send("prompt", click(frame=2))
    Tab(make_reading(reading.campaign)).send("prompt", click())
    answer = jobs_of(reading.reader, reading)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["count"], body["next"], body["previous"]) == (3, None, None)
    assert [(row["run_no"], row["status"], row["done"], row["total"]) for row in body["results"]] == [
        (3, "QUEUED", 0, 1),
        (2, "FAILED", 0, 1),
        (1, "DONE", 1, 1),
    ]
    assert body["results"][1]["error"] == {"code": "out_of_memory", "message": "The worker ran out of memory."}
    assert [row["error"] for row in body["results"][::2]] == [None, None]
    names = {"id", "client_uuid", "kind", "run_no", "status", "done", "total", "error"}
    names |= {"event_seq", "early_stop", "created_at", "reader"}
    assert all(row.keys() == names for row in body["results"])
    assert [row["event_seq"] for row in body["results"]] == [3, 2, 1]


def test_a_job_that_waits_says_so(reading: Reading, worker: FakeWorker) -> None:
    """In the list as in the answer to the event."""
    Tab(reading).send("prompt", click())
    silence(worker)
    (row,) = jobs_of(reading.reader, reading).json()["results"]
    assert (row["status"], row["error"]["code"]) == ("QUEUED", "waiting_for_worker")


def test_the_list_comes_in_pages(reading: Reading) -> None:
    """A page is as long as it is asked to be, and one that is not there is refused."""
    tab = Tab(reading)
    for frame in range(3):
        tab.send("prompt", click(frame=frame))
    body = jobs_of(reading.reader, reading, page_size=2, page=2).json()
    assert (body["count"], [row["run_no"] for row in body["results"]]) == (3, [1])
    assert refusal_of(jobs_of(reading.reader, reading, page=9)) == (404, "not_found")


def test_a_reading_without_jobs_has_an_empty_list(reading: Reading) -> None:
    """That is no error."""
    assert jobs_of(reading.reader, reading).json()["results"] == []


def test_a_longer_list_asks_no_more_of_the_database(reading: Reading) -> None:
    """The workers are looked up with their jobs."""
    tab = Tab(reading)
    counts = []
    for frame in range(3):
        tab.send("prompt", click(frame=frame))
        with CaptureQueriesContext(connection) as queries:
            assert jobs_of(reading.reader, reading).json()["count"] == frame + 1
        counts.append(len(queries))
    assert counts[0] == counts[2]


def reader(reading: Reading) -> User:
    """Return the reader."""
    return reading.reader


def manager(reading: Reading) -> User:
    """Return a manager of the campaign."""
    return make_member(reading.campaign, "MANAGER")


def staff(reading: Reading) -> User:
    """Return a member of staff."""
    return make_user(is_staff=True)


def other_reader(reading: Reading) -> User:
    """Return another reader of the same campaign, who is blinded."""
    return make_member(reading.campaign)


def stranger(reading: Reading) -> User:
    """Return a manager of another campaign."""
    return make_member(make_campaign(), "MANAGER")


def former_reader(reading: Reading) -> User:
    """Return the reader, who has left the campaign."""
    reading.reader.memberships.all().delete()
    return reading.reader


@pytest.mark.parametrize("who", [reader, manager, staff])
def test_who_sees_the_jobs(reading: Reading, who: Callable[[Reading], User]) -> None:
    """Those who may see the reading."""
    Tab(reading).send("prompt", click())
    assert jobs_of(who(reading), reading).json()["count"] == 1


@pytest.mark.parametrize("who", [other_reader, stranger, former_reader])
def test_others_are_not_told_that_there_is_a_reading(reading: Reading, who: Callable[[Reading], User]) -> None:
    """Neither its list nor its jobs exist for them, and the job goes on."""
    job = job_of(Tab(reading).send("prompt", click()))
    user = who(reading)
    assert refusal_of(jobs_of(user, reading)) == (404, "reading_not_found")
    assert refusal_of(cancel(user, reading.pk, job.pk)) == (404, "job_not_found")
    assert InferenceJob.objects.get(pk=job.pk).status == "QUEUED"


def test_nobody_has_to_sign_in_first(reading: Reading) -> None:
    """Whether there is such a reading or not."""
    job = job_of(Tab(reading).send("prompt", click()))
    assert refusal_of(jobs_of(None, reading)) == (401, "not_authenticated")
    for reading_id in (reading.pk, NOWHERE):
        assert refusal_of(cancel(None, reading_id, job.pk)) == (401, "not_authenticated")


def test_the_reader_stops_a_job(reading: Reading, broker: MemoryBroker) -> None:
    """The answer is the job as it stands then; once more is refused."""
    job = job_of(Tab(reading).send("prompt", click()))
    answer = cancel(reading.reader, reading.pk, job.pk)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["status"]) == (str(job.pk), "CANCELLED")
    assert body["error"] == {"code": "stopped", "message": "Stopped by the reader."}
    assert [message.job_id for message in broker.named("gpu.cancel")] == [str(job.pk)]
    again = cancel(reading.reader, reading.pk, job.pk)
    assert refusal_of(again) == (409, "job_not_active")
    assert again.json()["error"]["details"] == {"status": "CANCELLED"}


@pytest.mark.parametrize("who", [manager, staff])
def test_those_who_only_look_on_stop_nothing(reading: Reading, who: Callable[[Reading], User]) -> None:
    """The work is the reader's."""
    job = job_of(Tab(reading).send("prompt", click()))
    assert refusal_of(cancel(who(reading), reading.pk, job.pk)) == (403, "not_your_reading")
    assert InferenceJob.objects.get(pk=job.pk).status == "QUEUED"


def test_a_job_is_found_under_its_own_reading_only(reading: Reading) -> None:
    """Not under another of the same reader, nor under one that is not there."""
    job = job_of(Tab(reading).send("prompt", click()))
    elsewhere = make_reading(reading.campaign)
    for reading_id, job_id in ((elsewhere.pk, job.pk), (NOWHERE, job.pk), (reading.pk, NOWHERE)):
        assert refusal_of(cancel(make_user(is_staff=True), reading_id, job_id)) == (404, "job_not_found")
    assert refusal_of(cancel(reading.reader, reading.pk, "7")) == (404, "not_found")


def test_other_methods_are_refused(reading: Reading) -> None:
    """Jobs are made by events and never removed."""
    client = client_of(reading.reader)
    url = f"/api/v1/readings/{reading.pk}/jobs/"
    for answer in (client.post(url), client.delete(url), client.get(f"{url}{NOWHERE}/cancel/")):
        assert refusal_of(answer) == (405, "method_not_allowed")
