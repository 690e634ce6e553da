"""The catalogue of models: read strictly, every fault named, nothing but faults of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.jobs import RidgelineError, to_dict
from ridgeline.engine.jobs.catalogue import MAX_CATALOGUE_BYTES, Catalogue, CatalogueEntry, read_catalogue

ENTRY = CatalogueEntry(
    "roofs", "1.2", "Roofs of the Alps", "models/roofs.zip", "a" * 64, 12_345, "CC-BY-4.0", inputs=("rgb", "dsm")
)


def as_bytes(catalogue):
    return json.dumps(to_dict(catalogue)).encode()


def test_what_is_written_is_read():
    catalogue = Catalogue((ENTRY,), title="Ours")
    assert read_catalogue(as_bytes(catalogue)) == catalogue


def test_a_hash_may_say_what_it_is():
    data = {"models": [{**to_dict(ENTRY), "sha256": "sha256:" + ENTRY.sha256}]}
    assert read_catalogue(json.dumps(data).encode()).models == (ENTRY,)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sha256": "A" * 64}, "SHA-256 of 'roofs'"),
        ({"sha256": "a" * 64 + "\n"}, "SHA-256 of 'roofs'"),
        ({"size_bytes": 0}, "size of 'roofs'"),
        ({"size_bytes": "12"}, "size_bytes must be int"),
        ({"licence": ""}, "names no licence"),
        ({"url": "ftp://host/roofs.zip"}, "must begin with https"),
        ({"url": "javascript://alert"}, "must begin with https"),
        ({"colour": "red"}, "colour is not known"),
    ],
)
def test_a_fault_is_named(change, expected):
    data = {"models": [{**to_dict(ENTRY), **change}]}
    with pytest.raises(RidgelineError) as caught:
        read_catalogue(json.dumps(data).encode())
    assert expected in caught.value.message


@pytest.mark.parametrize("scheme", ["https", "http", "file"])
def test_addresses_of_the_web_and_of_files_are_taken(scheme):
    data = {"models": [{**to_dict(ENTRY), "url": f"{scheme}://host/a.zip"}]}
    assert read_catalogue(json.dumps(data).encode()).models[0].url.startswith(scheme)


def test_a_model_is_offered_once():
    with pytest.raises(RidgelineError, match="names a model twice"):
        read_catalogue(as_bytes({"models": [to_dict(ENTRY), to_dict(ENTRY)]}))


def test_another_format_is_refused():
    with pytest.raises(RidgelineError, match="format 2 is not known"):
        read_catalogue(b'{"models": [], "format": 2}')


@given(st.one_of(st.binary(max_size=60), st.sampled_from([b"[" * 90_000, b" " * (MAX_CATALOGUE_BYTES + 1)])))
def test_anything_else_is_a_fault_of_ours(data):
    with pytest.raises(RidgelineError):
        read_catalogue(data)
