"""A judge that is a model of the harness: asked over HTTP, or loaded here."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lm_eval_overton.client.connection import Connection
from lm_eval_overton.client.http import Calls
from lm_eval_overton.client.outcome import Call
from lm_eval_overton.data.folders import cache_dir
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.ask import Question, Verdicts
from lm_eval_overton.judge.cache import KeptReplies, request_hash
from lm_eval_overton.judge.client.calls import call, label_call, payload
from lm_eval_overton.judge.client.jobs import LABEL_TOKENS, Done, Job, fitting, prompt_of
from lm_eval_overton.judge.client.local import ask_loaded
from lm_eval_overton.judge.client.replies import CUT, REFUSED
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.parse import READING, choose, parse
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.settings.credentials import redact
from lm_eval_overton.settings.judge import JudgeSpec
from lm_eval_overton.settings.model import ModelArguments
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.stats.progress import counted

__all__ = ["HarnessJudge", "Plan", "is_local", "judge_cache"]

logger = logging.getLogger("lm_eval.overton")

# Characters of a reply that cannot be read, to be shown: enough to see what a judge does instead.
SHOWN = 200


@dataclass(frozen=True)
class Plan:
    """What asking would take: prompts of so many characters to send, beside replies that exist."""

    requests: int
    cached: int
    characters: int
    replies: Sequence[str]


def judge_cache() -> Path:
    """Return the file of judge replies."""
    return cache_dir() / "judge.sqlite"


def is_local(spec: JudgeSpec) -> bool:
    """Tell whether a judge would be loaded here, beside the evaluated model."""
    if not spec.model:
        return False
    return not (_is_http(_model_class(spec)) or ModelArguments(spec.model_args).is_api)


def _model_class(spec: JudgeSpec) -> Any:
    # The harness fills its registry on first use only while it is empty.
    import lm_eval.models  # noqa: F401
    from lm_eval.api.registry import get_model

    try:
        return get_model(spec.model)
    except Exception as error:
        # An unknown name, or a model whose own package is missing: the harness says which.
        reason = str(error).partition("\n")[0]
        raise SettingsError(
            f"judge: expected a model of the harness (`lm_eval ls models`), got {spec.model!r} "
            f"({reason})"
        ) from error


def _shown(raw: str) -> str:
    """Return a reply as a line of a log shows it: short, and with nothing that moves a terminal."""
    line = " ".join(raw.split())
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return json.dumps(plain if len(plain) <= SHOWN else f"{plain[:SHOWN]} ...", ensure_ascii=False)


def _is_http(cls: Any) -> bool:
    from lm_eval.models.api_models import TemplateAPI

    return isinstance(cls, type) and issubclass(cls, TemplateAPI)


class HarnessJudge:
    """Asks a harness model and keeps its replies; at temperature 0, unless the model refuses that.

    Args:
        spec: A judge with a model.
        cache: File of replies; None: the user's.

    Raises:
        SettingsError: If there is no such model, or an API judge cannot be set up.
    """

    def __init__(self, spec: JudgeSpec, cache: Path | None = None) -> None:
        self.spec = spec
        self._kept = KeptReplies(cache or judge_cache())
        self._class = _model_class(spec)
        self.http = _is_http(self._class)
        if self.http:
            self._check_server()

    def set_up(self) -> None:
        """Make the model ready, which loads it if it is local.

        Raises:
            SettingsError: If that cannot be done.
        """
        _ = self._lm

    def _check_server(self) -> None:
        if self.spec.mode == "loglikelihood" and "chat" in self.spec.model:
            raise SettingsError(
                f"judge: expected a model with log-likelihoods for the mode loglikelihood, got "
                f"{self.spec.model}; use a completions server, a local model, or the mode text"
            )
        try:
            header, url, _ = self._lm.header, self._lm.base_url, self._temperature
        except (ValueError, TypeError, OSError) as error:
            # A key that the environment lacks, a tokenizer that is not there, or no model's name.
            raise self._unusable(error) from error
        if not url or not isinstance(header, dict):
            raise SettingsError("judge: expected a base_url in model_args, got none")

    def _unusable(self, error: Exception) -> SettingsError:
        reason = str(error).partition("\n")[0] or type(error).__name__
        return SettingsError(
            f"judge: expected a judge that can be set up, got {self.spec.model} with "
            f"{json.dumps(redact(self.spec.model_args), default=str)} ({redact(reason)})"
        )

    @cached_property
    def _lm(self) -> Any:
        defaults: dict[str, Any] = {}
        if not self.http:
            # The harness's own default: unlike "cuda", it falls back to the processor.
            defaults = {"batch_size": 1, "device": "cuda:0"}
        elif self.spec.mode == "text":
            defaults = {"tokenizer_backend": "none", "tokenized_requests": False}
        else:
            # The harness would cut what is longer than its default of 2048; a server knows better.
            defaults = {"max_length": 2**20}
        try:
            return self._class.create_from_arg_obj(defaults | dict(self.spec.model_args))
        except (ValueError, TypeError, OSError, ImportError, AssertionError) as error:
            raise self._unusable(error) from error

    @property
    def signature(self) -> str:
        """Model, mode and limits, hashed with the versions of our prompts and of how replies are
        read; an address is no part."""
        spec = self.spec
        own = {k: v for k, v in self._identity.items() if k != "base_url"}
        name = own.get("model") or own.get("pretrained") or spec.model
        settings = [spec.model, own, spec.mode, spec.max_tokens, spec.structured]
        named = spec.judgements or ()
        judgements = [j for j in JUDGEMENTS.values() if not j.on_request or j.name in named]
        asked = [(own.name, own.version) for own in judgements]
        settings += [self._temperature, asked, READING]
        short = str(name).rstrip("/").split("/")[-1]
        temperature = f"|temp:{self._temperature}" if self._temperature else ""
        return f"{short}@{short_hash(settings)}|{spec.mode}|bar:{spec.bar}{temperature}"

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """The arguments that say which model answers; a seed is the judge's own."""
        identity = ModelArguments(self.spec.model_args).identity
        # A hosted model's name and address may come from the environment.
        own = {"model": self._lm.model, "base_url": self._lm.base_url} if self.http else {}
        return identity | own

    @cached_property
    def _temperature(self) -> float:
        """What is really sent, told once if it is not 0."""
        if not self.http or self.spec.mode != "text":
            return 0
        sent: float = payload(self._lm, self.spec, "").get("temperature", 0)
        if sent:
            logger.warning(
                "The judge %s takes no temperature but its own: it is asked at %s, and may not say "
                "the same twice",
                self._lm.model,
                sent,
            )
        return sent

    def ask(self, questions: Sequence[Question]) -> Verdicts:
        """Return a verdict per question; equal requests are sent once."""
        jobs = [self._jobs(question) for question in questions]
        replies = self._replies([job for own in jobs for job in own])
        verdicts = self._verdicts(questions, jobs, replies)
        self._show_unreadable(jobs, verdicts)
        return [*verdicts]

    def forget_unreadable(self, questions: Sequence[Question]) -> int:
        """Drop the kept replies that cannot be read, so that `ask` asks for them again.

        Args:
            questions: What is going to be asked.

        Returns:
            How many questions lose their replies.
        """
        jobs = [self._jobs(question) for question in questions]
        with self._kept.opened():
            known = self._kept.get(job.key for own in jobs for job in own)
            paired = zip(jobs, self._verdicts(questions, jobs, known), strict=True)
            lost = [own for own, verdict in paired if verdict.status == "unreadable"]
            self._kept.remove(job.key for own in lost for job in own)
        return len(lost)

    def plan(self, questions: Sequence[Question]) -> Plan:
        """Return what `ask` would send."""
        jobs = {job.key: job for question in questions for job in self._jobs(question)}
        with self._kept.opened():
            known = self._kept.get(jobs)
        characters = sum(len(job.content) for key, job in jobs.items() if key not in known)
        return Plan(len(jobs), len(known), characters, list(known.values()))

    def _jobs(self, question: Question) -> list[Job]:
        labels = [None] if self.spec.mode == "text" else question.judgement.labels
        return [self._job(question, label) for label in labels]

    def _job(self, question: Question, label: str | None) -> Job:
        judgement = question.judgement
        key = request_hash(
            {
                "model": self.spec.model,
                "model_args": self._identity,
                "temperature": self._temperature,
                "mode": self.spec.mode,
                "max_tokens": self.spec.max_tokens,
                "structured": self.spec.structured,
                "judgement": f"{judgement.name}@{judgement.version}",
                "content": prompt_of(question, label),
                "label": label,
                "repeat": question.repeat,
            }
        )
        return Job(key, question, label)

    def _verdicts(
        self,
        questions: Sequence[Question],
        jobs: Sequence[Sequence[Job]],
        replies: Mapping[str, str],
    ) -> list[Verdict]:
        return [
            self._verdict(question, [replies.get(job.key) for job in own])
            for question, own in zip(questions, jobs, strict=True)
        ]

    def _verdict(self, question: Question, replies: Sequence[str | None]) -> Verdict:
        if self.spec.mode == "text":
            [reply] = replies
            if reply is not None and reply.startswith(REFUSED):
                return Verdict("refused", None, reply.removeprefix(REFUSED))
            cut = reply is not None and reply.startswith(CUT)
            own = None if reply is None else reply.removeprefix(CUT)
            return parse(question.judgement, own, question.quoted, cut)
        scores = [None if reply is None else float(reply) for reply in replies]
        return choose(question.judgement, scores)

    def _show_unreadable(self, jobs: Sequence[Sequence[Job]], verdicts: Sequence[Verdict]) -> None:
        """Show the first reply that cannot be read, and say where all of them are."""
        paired = zip(jobs, verdicts, strict=True)
        lost = [(own[0], v.raw) for own, v in paired if v.status == "unreadable" and v.raw]
        if not lost:
            return
        job, raw = lost[0]
        logger.warning(
            "Judge: %d of %d replies on %s cannot be read, such as %s (request %s in %s)",
            len(lost),
            len(verdicts),
            job.judgement.name,
            _shown(raw),
            job.key[:16],
            self._kept.path,
        )

    # ------------------------------------------------------------------------------- sending

    def _replies(self, jobs: Sequence[Job]) -> dict[str, str]:
        """Return the replies by key: those that are kept, and those that came now."""
        by_key = {job.key: job for job in jobs}
        with self._kept.opened():
            known = self._kept.get(by_key)
            missing = [job for key, job in by_key.items() if key not in known]
            if missing:
                logger.info("Judge: %d replies are there, %d to ask", len(known), len(missing))
                self._send(missing, known)
        return known

    def _send(self, jobs: list[Job], known: dict[str, str]) -> None:
        with counted(len(jobs), "Judging") as count:

            def done(index: int, reply: str | None) -> None:
                count()
                if reply is not None:
                    known[jobs[index].key] = reply
                    self._kept.put(jobs[index].key, reply)

            if self.http:
                self._call_all(jobs, done)
            else:
                ask_loaded(self._lm, jobs, self.spec, done)

    def _call_all(self, jobs: list[Job], done: Done) -> None:
        fit = list(range(len(jobs)))
        if self.spec.mode == "loglikelihood":
            fit = fitting(self._lm, [job.content for job in jobs], LABEL_TOKENS, done)
        calls = (self._call(jobs[i]) for i in fit)
        server = self._server
        server.run(calls, lambda i, reply: done(fit[i], reply))
        if server.given_up:
            logger.warning("The judge's server was given up: %s", server.given_up)
        elif server.faults:
            [(fault, _)] = server.faults.most_common(1)
            logger.warning("Some requests to the judge failed, most with %s", fault)

    @cached_property
    def _server(self) -> Calls[str]:
        return Calls(Connection.of(self._lm))

    def _call(self, job: Job) -> Call[str]:
        return (
            label_call(self._lm, job) if job.label is not None else call(self._lm, self.spec, job)
        )
