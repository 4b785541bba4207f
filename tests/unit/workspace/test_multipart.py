from email import message_from_bytes

import pytest

from mlops_core.errors import MlopsError
from mlops_core.workspace.multipart import Multipart


def _parts(form: Multipart) -> dict[str, bytes]:
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + b"".join(form))
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.get_payload()
    }


@pytest.mark.parametrize("content", [b"", b"x", b"\0\xff", b"a\n" * 300_000])
def test_a_form_holds_its_fields_and_bytes_and_knows_its_length(content, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(content)
    for given in (content, file):
        form = Multipart({"path": "/ü ", "overwrite": "true"}, "content", given)
        assert form.length() == len(b"".join(form))
        assert b"".join(form) == b"".join(form)
        assert _parts(form) == {
            "path": "/ü ".encode(),
            "overwrite": b"true",
            "content": content,
        }


def test_a_file_that_becomes_shorter_while_it_is_sent_is_named(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"x" * 2_000_000)
    body = iter(Multipart({}, "content", file))
    next(body)
    next(body)
    file.write_bytes(b"")
    with pytest.raises(MlopsError, match="became shorter") as caught:
        list(body)
    assert caught.value.hint


def test_a_file_that_grows_is_sent_as_long_as_announced(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"x" * 10)
    form = Multipart({}, "content", file)
    length, body = form.length(), iter(form)
    sent = next(body) + next(body)
    file.write_bytes(b"x" * 20)
    assert len(sent + b"".join(body)) == length
