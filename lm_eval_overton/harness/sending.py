"""Our requests to a model behind an API: sent by our own client, those of other tasks as before.

The harness's client loses all answers with the first request that fails for good. A task meets the
model while its requests are built; what answers them then stands in for the model's own way to,
until it was called once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lm_eval.api.instance import Instance

from lm_eval_overton.client.answers import Answer, reader_of
from lm_eval_overton.client.bodies import Asked, body, has_own_temperature, is_client, takes_seed
from lm_eval_overton.client.connection import Connection
from lm_eval_overton.client.http import Calls
from lm_eval_overton.client.outcome import Call
from lm_eval_overton.errors import ServerError, SettingsError
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.exit_code import fail_at_the_end
from lm_eval_overton.harness.kept_answers import Kept
from lm_eval_overton.harness.sampling import asked_for, given_length
from lm_eval_overton.harness.server_words import unanswered
from lm_eval_overton.settings.task import Settings

__all__ = ["Way"]

logger = logging.getLogger("lm_eval.overton")


@dataclass(frozen=True)
class Way:
    """How the requests of a task are sent.

    Attributes:
        settings: What the user asked for, as far as the model takes it.
        forced: The generation settings that the model takes no other value of.
        length_name: What the user called the limit of an answer's length.
    """

    settings: Settings
    forced: dict[str, Any] = field(default_factory=dict)
    length_name: str | None = None

    @classmethod
    def to(
        cls, model: Any, settings: Settings, given: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> Way:
        """Return how a task's requests are sent to a model.

        Args:
            model: The evaluated model.
            settings: What the user asked for.
            given: The harness's generation_kwargs after `--gen_kwargs` was merged in.
            defaults: The task's own generation_kwargs.

        Raises:
            SettingsError: If the model has no name.
        """
        if not is_client(model):
            return cls(settings)
        if not model.model:
            raise SettingsError("--model_args: expected model=NAME for an API, got none")
        known = replace(settings, model=replace(settings.model, over_http=True))
        if not takes_seed(model):
            known = replace(known, api_seeds="none")
        forced = {}
        if has_own_temperature(model) and given.get("temperature") == defaults.get("temperature"):
            forced = {"temperature": 1.0}
            logger.warning("%s takes no temperature but 1, and is asked at that", model.model)
        return cls(known, forced, given_length(given, defaults))

    @property
    def fields(self) -> dict[str, Any]:
        """What a signature says of it."""
        settings = self.settings
        seeds = settings.api_seeds if settings.model.is_api else None
        return {"api_seeds": seeds, "drop": settings.api_drop or None}

    def stand_in(self, around: Evaluation, task: str) -> None:
        """Let a sender of ours answer a task's requests, if it knows the evaluation's model.

        Args:
            around: The evaluation.
            task: The task's name.
        """
        if around.asked is None or not is_client(around.model):
            return
        known = vars(around.asked).get("generate_until")
        sender = known if isinstance(known, Sender) else Sender(around.asked, around.model)
        sender.ways[task] = self
        sender.is_command = around.is_command
        around.asked.generate_until = sender

    def asked(self, instance: Instance, n: int) -> Asked:
        """Return what a request for some answers asks for."""
        told = asked_for(instance.args[1])
        return replace(told, length_name=self.length_name, drop=self.settings.api_drop, n=n)


class Sender:
    """Answers the requests of our tasks in place of an evaluation's model.

    Args:
        asked: What the evaluation asks: the model, or what remembers its answers.
        model: The model.

    Attributes:
        ways: How the requests of our tasks are sent, by the tasks' names.
        is_command: Whether the evaluation is that of a command.
    """

    def __init__(self, asked: Any, model: Any) -> None:
        self._asked = asked
        self._model = model
        self._kept = Kept(asked)
        self.ways: dict[str, Way] = {}
        self.is_command = False

    def __call__(self, requests: Sequence[Instance], **options: Any) -> list[Any]:
        """Return an answer to each request, None to one that failed for good.

        Raises:
            ServerError: If none of ours was answered.
        """
        # What it stands in for is the model's own way again, for whoever comes next.
        vars(self._asked).pop("generate_until", None)
        ours = [request for request in requests if request.task_name in self.ways]
        answers = self._answers(ours) if ours else {}
        others = [request for request in requests if request.task_name not in self.ways]
        theirs = iter(self._asked.generate_until(others, **options) if others else ())
        return [
            answers.get(self._kept.key(request)) if request.task_name in self.ways else next(theirs)
            for request in requests
        ]

    def _answers(self, requests: Sequence[Instance]) -> Mapping[str, Answer]:
        wanted = {self._kept.key(request): request for request in requests}
        found = {key: own for key, r in wanted.items() if (own := self._kept.get(r)) is not None}
        missing = [request for key, request in wanted.items() if key not in found]
        logger.info("%d answers are there, %d to ask for", len(found), len(missing))
        given = self.ways[requests[0].task_name].settings.model.arguments
        server: Calls[list[Answer | None]] = Calls(Connection.of(self._model, given), "model")
        faults: Counter[str] = Counter()
        while missing and not server.given_up:
            parted = self._send(server, missing, found)
            faults += server.faults
            # Of several answers that one request asked for some may not have come.
            missing = [r for own in parted for r in own if self._kept.key(r) not in found]
        if not found:
            raise ServerError(unanswered(server, self._model, requests[0].task_name))
        self._tell(requests, found, faults, server.given_up)
        return found

    def _send(
        self,
        server: Calls[list[Answer | None]],
        missing: Sequence[Instance],
        found: dict[str, Answer],
    ) -> list[list[Instance]]:
        """Send requests and take what comes; return those of which a part has come."""
        from tqdm import tqdm

        groups = list(self._groups(missing))
        read = reader_of(self._model)
        calls = [Call(self._body(group), read) for group in groups]
        parted: list[list[Instance]] = []
        with self._kept.writing(), tqdm(total=len(missing), desc="Requesting API") as bar:

            def done(index: int, answers: list[Answer | None] | None) -> None:
                group = groups[index]
                bar.update(len(group))
                came = [(r, a) for r, a in zip(group, answers or (), strict=False) if a is not None]
                for request, answer in came:
                    found[self._kept.key(request)] = answer
                    self._kept.put(request, answer)
                if 0 < len(came) < len(group):
                    parted.append(group)

            server.run(calls, done)
        return parted

    def _groups(self, missing: Sequence[Instance]) -> Iterator[list[Instance]]:
        """Yield what one request asks for: a sample, or all that one text is sent for at once."""
        together: dict[Any, list[Instance]] = {}
        for request in missing:
            if self.ways[request.task_name].settings.api_n:
                key = (request.task_name, request.doc_id, request.args[0])
                together.setdefault(key, []).append(request)
            else:
                yield [request]
        yield from together.values()

    def _body(self, group: Sequence[Instance]) -> dict[str, Any]:
        request = group[0]
        asked = self.ways[request.task_name].asked(request, len(group))
        return body(self._model, request.args[0], asked)

    def _tell(
        self,
        requests: Sequence[Instance],
        found: Mapping[str, Answer],
        faults: Counter[str],
        given_up: str,
    ) -> None:
        """Say how many requests of each task failed; too many fail the command in the end."""
        asked = Counter(request.task_name for request in requests)
        failed = Counter(r.task_name for r in requests if self._kept.key(r) not in found)
        reason = f"the server was given up: {given_up}" if given_up else ""
        reason = reason or ", ".join(f"{n} x {text}" for text, n in faults.most_common(3))
        for task, count in failed.items():
            share, most = count / asked[task], self.ways[task].settings.max_failed
            line = (
                f"{task}: {count} of {asked[task]} requests failed for good ({reason}); they are "
                f"counted in failed_rate, and {self._kept.remedy}"
            )
            if share > most and self.is_command:
                fail_at_the_end(f"{line}; that is more than max_failed {most:g}")
            logger.warning("%s", line)
