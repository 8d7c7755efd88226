"""Own uploaded files: limits, what is a photo, file ids that can be sent again, downloads."""

import asyncio
import io
import secrets
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.params import Json, Params, Upload
from bot.sandbox.store import Store

PHOTO_BYTES_MAX = 10 * 1024 * 1024
DOCUMENT_BYTES_MAX = 50 * 1024 * 1024
DOWNLOAD_BYTES_MAX = 20 * 1024 * 1024
_SIDES_MAX = 10_000
_RATIO_MAX = 20
_SHOWN_SIDE = 1280
_SMALL_SIDE = 320


@dataclass(frozen=True)
class StoredFile:
    """One file as the sandbox keeps it; a photo has one for each size."""

    number: int
    file_id: str
    kind: str  # "photo" or "document"
    path: str  # as in file_path: photos/file_1.jpg
    name: str
    mime: str
    size: int
    width: int = 0
    height: int = 0
    small: str = ""  # file id of a photo's smaller size

    def as_photo_size(self) -> Json:
        """Give a PhotoSize."""
        return {**self._ids(), "width": self.width, "height": self.height}

    def as_document(self) -> Json:
        """Give a Document."""
        return {**self._ids(), "file_name": self.name, "mime_type": self.mime}

    def as_file(self) -> Json:
        """Give a File, whose path is good for a download."""
        return {**self._ids(), "file_path": self.path}

    def _ids(self) -> Json:
        unique = f"u{self.number:08d}"
        return {"file_id": self.file_id, "file_unique_id": unique, "file_size": self.size}


class Files:
    """The files of a sandbox: bytes in a folder, facts in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, StoredFile] = {}
        for body in store.every("files"):
            kept = StoredFile(**body)
            self._by_id[kept.file_id] = kept

    def by_id(self, file_id: str) -> StoredFile | None:
        """Give the file behind an id; None when unknown."""
        return self._by_id.get(file_id)

    def by_path(self, path: str) -> StoredFile | None:
        """Give the file with this ``file_path``; None when unknown."""
        return next((kept for kept in self._by_id.values() if kept.path == path), None)

    def place(self, kept: StoredFile) -> Path:
        """Give where the bytes lie."""
        return self._store.files / str(kept.number)

    async def photo(self, params: Params, name: str) -> list[StoredFile]:
        """Read a photo parameter: an upload, or the id of a photo sent before.

        Returns
        -------
        list of StoredFile
            Its sizes, smallest first.
        """
        upload = params.upload(name)
        if upload is None:
            return self.sizes(self._again(params.text(name), "photo"))
        return await self.add_photo(upload)

    async def document(self, params: Params, name: str) -> StoredFile:
        """Read a document parameter: an upload, or the id of a document sent before."""
        upload = params.upload(name)
        if upload is None:
            return self._again(params.text(name), "document")
        return self.add_document(upload)

    def sizes(self, photo: StoredFile) -> list[StoredFile]:
        """Give all sizes of a photo, smallest first."""
        small = self._by_id.get(photo.small)
        return [small, photo] if small else [photo]

    async def add_photo(self, upload: Upload) -> list[StoredFile]:
        """Check and keep a photo as Telegram does: as JPEG, no side above 1280 pixels."""
        if len(upload.content) > PHOTO_BYTES_MAX:
            raise bad_request(
                f"file of size {len(upload.content)} bytes is too big for a photo; "
                f"the maximum size is {PHOTO_BYTES_MAX} bytes"
            )
        small, shown = await asyncio.to_thread(_resized, upload.content)
        small_file = self._keep("photo", small.content, small, "")
        return [small_file, self._keep("photo", shown.content, shown, small_file.file_id)]

    def add_document(self, upload: Upload) -> StoredFile:
        """Check and keep any file as it is."""
        if len(upload.content) > DOCUMENT_BYTES_MAX:
            raise ApiError(413, "Request Entity Too Large")
        if not upload.content:
            raise bad_request("file must be non-empty")
        number = self._store.next_number("file")
        name = Path(upload.name.replace("\\", "/")).name or "file"
        suffix = Path(name).suffix
        return self._save(
            StoredFile(
                number,
                _new_id("document"),
                "document",
                f"documents/file_{number}{suffix}",
                name,
                upload.mime,
                len(upload.content),
            ),
            upload.content,
        )

    def _again(self, reference: str, kind: str) -> StoredFile:
        if not reference:
            raise bad_request(f"there is no {kind} in the request")
        kept = self._by_id.get(reference)
        if kept is None and "://" in reference:
            raise bad_request("failed to get HTTP URL content")  # the sandbox fetches nothing
        if kept is None:
            raise bad_request(
                "wrong remote file identifier specified: Wrong padding in the string"
            )
        if kept.kind != kind:
            raise bad_request(f"can't use file of type {kept.kind.title()} as {kind.title()}")
        return kept

    def _keep(self, kind: str, content: bytes, picture: "_Picture", small: str) -> StoredFile:
        number = self._store.next_number("file")
        path = f"photos/file_{number}.jpg"
        kept = StoredFile(
            number,
            _new_id(kind),
            kind,
            path,
            f"photo_{number}.jpg",
            "image/jpeg",
            len(content),
            picture.width,
            picture.height,
            small,
        )
        return self._save(kept, content)

    def _save(self, kept: StoredFile, content: bytes) -> StoredFile:
        self.place(kept).write_bytes(content)
        self._store.put("files", kept.number, asdict(kept))
        self._by_id[kept.file_id] = kept
        return kept


@dataclass(frozen=True)
class _Picture:
    content: bytes
    width: int
    height: int


def _new_id(kind: str) -> str:
    prefix = {"photo": "AgACAgIAAxkD", "document": "BQACAgIAAxkD"}[kind]
    return prefix + secrets.token_urlsafe(36)


def _resized(content: bytes) -> tuple[_Picture, _Picture]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content))
            width, height = image.size
    except Exception:  # noqa: BLE001 - whatever a broken picture makes Pillow raise
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > _SIDES_MAX or max(width, height) > _RATIO_MAX * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    try:
        flat = _flat(image)
    except Exception:  # noqa: BLE001 - a cut-off file fails here only
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    return _jpeg(flat, _SMALL_SIDE), _jpeg(flat, _SHOWN_SIDE)


def _flat(image: Image.Image) -> Image.Image:
    """Give the picture on white: JPEG has no transparency."""
    if image.mode in {"RGBA", "LA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(layer, mask=layer.getchannel("A"))
        return ground
    return image.convert("RGB")


def _jpeg(image: Image.Image, side: int) -> _Picture:
    shown = image.copy()
    shown.thumbnail((side, side), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=87)
    return _Picture(out.getvalue(), shown.width, shown.height)
