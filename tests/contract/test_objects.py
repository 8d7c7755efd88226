"""Objects on a real S3 server: whole or absent, faults mapped, secrets not told."""

import pytest

from pipeline.domain.errors import BadRequestError, StoreDownError
from storage.objects import Access, Objects


@pytest.fixture
def objects(s3):
    return s3.objects()


def test_what_is_put_comes_back_and_is_replaced(objects):
    objects.put("a/b.txt", b"one")
    objects.put("a/b.txt", b"two")
    objects.put("a/empty", b"")
    assert objects.get("a/b.txt") == b"two"
    assert objects.get("a/empty") == b""
    assert objects.get_many(["a/b.txt", "a/empty"]) == {"a/b.txt": b"two", "a/empty": b""}
    assert objects.get_many([]) == {}


def test_what_is_missing_is_said(objects):
    with pytest.raises(FileNotFoundError):
        objects.get("a/nothing")
    objects.put("a/b", b"x")
    with pytest.raises(FileNotFoundError):
        objects.get_many(["a/b", "a/nothing"])
    objects.remove(["a/b", "a/nothing"])
    objects.remove([])
    assert objects.listed("a") == {}


def test_a_listing_is_of_one_folder_and_never_old(s3, objects):
    other = s3.objects(objects.url)
    objects.put("a/x/1", b"12")
    objects.put("ab/2", b"1")
    assert {name: each.size for name, each in objects.listed("a").items()} == {"a/x/1": 2}
    other.put("a/3", b"123")
    assert sorted(objects.listed("a")) == ["a/3", "a/x/1"]
    other.remove(["a/3"])
    assert sorted(objects.listed("a")) == ["a/x/1"]
    assert objects.listed("nothing") == {}


def test_prefixes_of_one_bucket_are_apart(s3):
    bucket = s3.bucket()
    one, two = s3.objects(f"s3://{bucket}/one"), s3.objects(f"s3://{bucket}/two/deep/")
    one.put("a", b"1")
    two.put("a", b"2")
    assert (one.get("a"), two.get("a")) == (b"1", b"2")


@pytest.mark.parametrize("act", ["put", "get", "listed", "remove"])
def test_a_storage_that_is_down_is_store_down_without_its_secret(act):
    objects = Objects("s3://x/y", Access("http://127.0.0.1:9", "k", "very-secret", "eu"))
    calls = {"put": ("a", b""), "get": ("a",), "listed": ("a",), "remove": (["a"],)}
    with pytest.raises(StoreDownError) as down:
        getattr(objects, act)(*calls[act])
    assert down.value.retryable
    assert "very-secret" not in str(down.value.facts)


def test_a_bucket_that_is_not_there_is_store_down_for_who_writes(s3):
    with pytest.raises(StoreDownError):
        s3.objects("s3://no-such-bucket/x").put("a", b"")


@pytest.mark.parametrize("url", ["", "s3://", "/tmp/x", "http://x/y", "bucket"])
def test_other_urls_are_refused(url):
    with pytest.raises(BadRequestError, match="s3://bucket/prefix"):
        Objects(url, Access())
