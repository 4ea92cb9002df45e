"""Where a server is, who asks it, and how many requests it is sent at once."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import getproxies, proxy_bypass

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.settings.credentials import REDACTED, is_secret

__all__ = ["Connection"]

# A word of a header that is no longer than this is no secret: "Bearer", "EMPTY".
_SHORT = 6
# What is put in place of a key where none is needed: "not-needed", "placeholder".
_PLAIN = re.compile(r"[a-z]+([-_][a-z]+)*", re.IGNORECASE)


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

    @property
    def proxy(self) -> str | None:
        """What stands between, by the environment."""
        place = urlsplit(self.url)
        return None if proxy_bypass(place.hostname or "") else getproxies().get(place.scheme)

    def without_secrets(self, text: str, answers: bool = False) -> str:
        """Return a text of the server without the keys that it was sent.

        Args:
            text: The text.
            answers: Whether a model wrote it, which may use a plain word for its meaning.
        """
        for word in self._keys if answers else self._sent:
            text = text.replace(word, REDACTED)
        return text

    @cached_property
    def _sent(self) -> list[str]:
        """The words that may show who asks."""
        return _words([*self.headers.values(), *self._named.values()])

    @cached_property
    def _keys(self) -> list[str]:
        """The words that are there to show who asks."""
        return [word for word in _words(self._named.values()) if not _PLAIN.fullmatch(word)]

    @property
    def _named(self) -> dict[str, Any]:
        query = parse_qsl(urlsplit(self.url).query)
        return {name: value for name, value in (*self.headers.items(), *query) if is_secret(name)}


def _words(values: Iterable[Any]) -> list[str]:
    """Return the words of headers that are long enough for a secret, the longest first."""
    words = {word for value in values for word in str(value).split()}
    return sorted((word for word in words if len(word) > _SHORT), key=len, reverse=True)


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
