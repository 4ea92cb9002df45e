"""Where a server is, who asks it, and how many requests it is sent at once."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lm_eval_overton.errors import SettingsError

__all__ = ["Connection"]

# A word of a header shorter than this is no secret: "Bearer", a version.
_SECRET_LENGTH = 6


@dataclass(frozen=True)
class Connection:
    """How a server is reached.

    Attributes:
        url: Where requests are posted to.
        headers: What each of them carries, a key among them.
        concurrency: How many are under way at once.
        attempts: How often one is sent that meets a passing fault.
        timeout_s: How long one may take, in seconds.
        tls: What its certificate is checked against; False: it is not checked.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    concurrency: int = 1
    attempts: int = 3
    timeout_s: float = 300
    tls: ssl.SSLContext | bool = True

    @classmethod
    def of(cls, lm: Any, given: Mapping[str, Any] | None = None) -> Connection:
        """Return how a model of the harness reaches its server.

        Args:
            lm: A `TemplateAPI`.
            given: The model's arguments as the user gave them: some classes of the harness do not
                hand all of them on.

        Raises:
            SettingsError: If the environment lacks its key, or an argument cannot be used.
        """
        given = given or {}
        try:
            # Several prompts in one request become as many requests under way.
            at_once = int(given.get("num_concurrent", getattr(lm, "_concurrent", 1)))
            batch = int(getattr(lm, "_batch_size", 1) or 1)
            return cls(
                str(lm.base_url),
                _headers(lm),
                max(1, at_once) * max(1, batch),
                max(1, int(given.get("max_retries", lm.max_retries))),
                float(given.get("timeout", lm.timeout)),
                _tls(lm),
            )
        except (ValueError, TypeError, OSError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise SettingsError(
                f"--model_args: expected a server to reach, got {reason}"
            ) from error

    def without_secrets(self, text: str) -> str:
        """Return a text of the server without the keys that it was sent."""
        for value in self.headers.values():
            for word in str(value).split():
                if len(word) > _SECRET_LENGTH:
                    text = text.replace(word, "<redacted>")
        return text


def _headers(lm: Any) -> dict[str, str]:
    headers = dict(lm.header)
    if type(lm).__name__ == "AzureOpenaiChatCompletionsLM":
        # The service takes a key under this name; as a bearer it takes tokens of its directory.
        headers = {"api-key": str(lm.api_key)} | headers
    return headers


def _tls(lm: Any) -> ssl.SSLContext | bool:
    if not lm.verify_certificate:
        return False
    authority = getattr(lm, "ca_cert_path", None)
    return ssl.create_default_context(cafile=authority) if authority else True
