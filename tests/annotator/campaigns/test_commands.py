"""A lab makes its own campaign and accounts from the command line."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.campaigns.permissions import is_manager, is_member
from tests.factories.readings import make_user

pytestmark = pytest.mark.django_db
LABELS = ["coronary_artery=Coronary artery=41801008", "catheter=Catheter"]


def run(name: str, *arguments: str) -> list[str]:
    """Run a command and return what it said."""
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue().splitlines()


def create(slug: str, *labels: str, manager: str = "boss") -> list[str]:
    """Make a campaign of the name "Ours"."""
    given = [part for label in labels for part in ("--label", label)]
    return run("create_campaign", slug, "--name", "Ours", "--modality", "XA", "--manager", manager, *given)


def test_a_campaign_is_made_with_its_labels_and_manager() -> None:
    """Labels keep their order and get colours of their own."""
    manager = make_user("boss")
    create("ours", *LABELS)
    campaign = Campaign.objects.get(slug="ours")
    found = list(campaign.schema.labels.values_list("code", "name", "index", "coding_scheme", "code_value"))
    assert found == [
        ("coronary_artery", "Coronary artery", 1, "SCT", "41801008"),
        ("catheter", "Catheter", 2, "", ""),
    ]
    assert campaign.schema.labels.values("colour").distinct().count() == 2
    assert is_manager(manager, campaign)
    assert not campaign.keep_identity_mapping


@pytest.mark.parametrize(
    ("slug", "labels", "manager", "sentence"),
    [
        ("ours", LABELS, "nobody", "no user 'nobody'"),
        ("not a slug", LABELS, "boss", "slug"),
        ("ours", ["vessel"], "boss", "CODE=NAME"),
        ("ours", ["Not a code=Vessel"], "boss", "valid"),
        ("ours", [f"label_{index}=Label" for index in range(9)], "boss", "at most 8"),
        ("taken", LABELS, "boss", "slug"),
    ],
)
def test_a_campaign_that_makes_no_sense_is_not_made(slug: str, labels: list[str], manager: str, sentence: str) -> None:
    """One sentence, and nothing is left behind."""
    make_user("boss")
    create("taken", "vessel=Vessel")
    with pytest.raises(CommandError, match=sentence):
        create(slug, *labels, manager=manager)
    assert list(Campaign.objects.values_list("slug", flat=True)) == ["taken"]


def test_a_user_is_made_and_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes from standard input; a second call only changes the role."""
    make_user("boss")
    create("ours", *LABELS)
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough secret\n"))
    run("add_user", "newcomer", "--campaign", "ours", "--password-stdin", "--display-name", "Reader")
    user, campaign = User.objects.get(username="newcomer"), Campaign.objects.get(slug="ours")
    assert user.check_password("a long enough secret")
    assert (is_member(user, campaign), is_manager(user, campaign), user.is_staff) == (True, False, False)
    assert run("add_user", "newcomer", "--campaign", "ours", "--role", "MANAGER") == [
        "User newcomer is manager of ours."
    ]
    assert is_manager(user, campaign)


def test_the_password_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip makes no account."""
    answers = iter(["a long enough secret", "another long secret"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    with pytest.raises(CommandError, match="differ"):
        run("add_user", "newcomer")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "password", "sentence"), [("newcomer", "short", "short"), ("no spaces", "x" * 20, "valid")]
)
def test_a_weak_password_or_a_bad_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str, sentence: str
) -> None:
    """With the sentences that Django has for it."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    with pytest.raises(CommandError, match=sentence):
        run("add_user", name, "--password-stdin")
    with pytest.raises(CommandError, match="no campaign"):
        run("add_user", name, "--campaign", "nowhere")
    assert not User.objects.exists()
