"""Replace identities by pseudonyms: the basic profile of PS3.15 Annex E."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import io
import json
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet
from dicomanonymizer.simpledicomanonymizer import anonymize_dataset, initialize_actions_2024b, replace_UID
from django.conf import settings
from pydicom import DataElement, Dataset, Sequence
from pydicom.uid import generate_uid

KEY_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
KEY_LENGTH = 8
METHOD = "CineLoop: PS3.15 basic application level confidentiality profile"


def _keyed_hash(purpose: str, *parts: str) -> bytes:
    message = "\0".join([purpose, *parts]).encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()


def patient_key(dataset: Dataset) -> str:
    """Return the pseudonym of a file's patient: the same identity always gives the same, nobody can go back.

    Without a Patient ID the name and birth date stand for it; without these the study does, so that strangers are
    never taken for one patient.
    """
    identifier = str(dataset.get("PatientID", "") or "").strip()
    issuer = str(dataset.get("IssuerOfPatientID", "") or "").strip()
    if identifier:
        parts = ("id", issuer, identifier)
    else:
        name = str(dataset.get("PatientName", "") or "").strip()
        birth = str(dataset.get("PatientBirthDate", "") or "").strip()
        parts = ("name", name, birth) if name else ("study", str(dataset.get("StudyInstanceUID", "")), "")
    number = int.from_bytes(_keyed_hash("patient", *parts)[:8], "big")
    letters = []
    for _ in range(KEY_LENGTH):
        number, rest = divmod(number, len(KEY_ALPHABET))
        letters.append(KEY_ALPHABET[rest])
    return "P-" + "".join(letters)


def pseudonymous_uid(uid: str) -> str:
    """Return the UID that replaces an original one, always the same for this site."""
    return str(generate_uid(entropy_srcs=[_keyed_hash("uid", uid).hex()]))


def original_identity(dataset: Dataset) -> dict[str, str]:
    """Return the identity that a mapping keeps."""
    names = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
    return {name: str(dataset.get(name, "") or "") for name in names}


def seal(identity: dict[str, str]) -> str:
    """Return an identity encrypted with a key that the site's secret key gives."""
    key = base64.urlsafe_b64encode(_keyed_hash("identity mapping"))
    return Fernet(key).encrypt(json.dumps(identity, sort_keys=True).encode()).decode()


def unseal(token: str) -> dict[str, str]:
    """Return what `seal` encrypted."""
    key = base64.urlsafe_b64encode(_keyed_hash("identity mapping"))
    identity: dict[str, str] = json.loads(Fernet(key).decrypt(token.encode()))
    return identity


def deidentify(dataset: Dataset, key: str) -> bytes:
    """Return a de-identified copy of a file.

    Parameters
    ----------
    dataset : Dataset
        Is changed: give one that nobody needs any more.
    key : str
        The patient's pseudonym.

    Returns
    -------
    bytes
        A DICOM Part 10 file.

    Notes
    -----
    The library holds the table of PS3.15 E.1-1; it treats the top level only, so sequences are walked here. UIDs become
    keyed hashes instead of random ones, so that files that arrive later still meet their series.
    """
    transfer_syntax = dataset.file_meta.TransferSyntaxUID
    _clean(dataset)
    dataset.PatientID = key
    dataset.PatientName = key
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    dataset.DeidentificationMethodCodeSequence = Sequence([code])
    meta = type(dataset.file_meta)()
    meta.TransferSyntaxUID = transfer_syntax
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", pseudonymous_uid("unknown"))
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


@functools.cache
def _rules() -> dict[Any, Callable[..., None]]:
    rules: dict[Any, Callable[..., None]] = initialize_actions_2024b()
    return {tag: (_replace_uid if action is replace_UID else action) for tag, action in rules.items()}


def _replace_uid(dataset: Dataset, tag: tuple[int, int]) -> None:
    element = dataset.get(tag)
    if isinstance(element, DataElement) and element.value:
        value = element.value
        if isinstance(value, str):
            element.value = pseudonymous_uid(value)
        else:
            element.value = [pseudonymous_uid(str(item)) for item in value]


def _clean(dataset: Dataset) -> None:
    """Apply the profile to a dataset and to everything nested in what remains of it."""
    anonymize_dataset(dataset, delete_private_tags=True, base_rules_gen=lambda: dict(_rules()))
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _clean(item)
