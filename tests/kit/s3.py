"""A real S3 server for tests: moto's, on a free port of 127.0.0.1, its objects in memory."""

import itertools
import logging
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from storage.objects import Access, Objects
from tests.kit.servers import free_port

_names = itertools.count(1)


class S3:
    """A running S3 server; `bucket()` is a new bucket's name."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access = Access(self.endpoint, "scout", "not-a-secret", "eu-central-1")
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def bucket(self) -> str:
        name = f"scout-{next(_names)}"
        access = self.access
        boto3.client(
            "s3", endpoint_url=access.endpoint, aws_access_key_id=access.key,
            aws_secret_access_key=access.secret, region_name=access.region,
        ).create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": access.region}
        )  # fmt: skip
        return name

    def objects(self, url: str | None = None) -> Objects:
        """Return the objects of a bucket of their own, or of the one that is named."""
        return Objects(url or f"s3://{self.bucket()}/set", self.access)

    def environment(self, url: str) -> dict[str, str]:
        """Return what a process needs to share the objects there."""
        return {
            "STORAGE_URL": url, "S3_ENDPOINT_URL": self.endpoint, "S3_REGION": self.access.region,
            "S3_ACCESS_KEY": self.access.key, "S3_SECRET_KEY": self.access.secret,
        }  # fmt: skip

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 server, one per session and xdist worker."""
    server = S3()
    yield server
    server.stop()
