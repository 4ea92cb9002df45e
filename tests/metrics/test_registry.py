"""What holds of every metric that is declared, and that nobody else lists metrics."""

import ast
import json
import math
import re
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lm_eval_overton
from lm_eval_overton.cli import main
from lm_eval_overton.judge.judgements.quality import QUALITY_ASPECTS
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.measures import REGISTRY, bounded
from lm_eval_overton.metrics.measures.compression import COMPRESSION_RATIO
from lm_eval_overton.metrics.metric import FAMILIES, SAMPLES, Need
from lm_eval_overton.metrics.ratings import RATING_SOURCE
from lm_eval_overton.metrics.score import Bench, Prompt, score_prompts
from lm_eval_overton.reporting.sections import families
from lm_eval_overton.text.samples import clean
from lm_eval_overton.text.token_match import PairScores
from tests.conftest import ROOT

N = 3
WORDS = ("ants", "bees", "carry", "dig", "eat", "fly", "nests", "sand")
SAMPLE = st.one_of(
    st.none(),
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
    st.sampled_from(["- ants\n- bees", "Ants dig. Bees fly.", "I cannot help with that.", "..."]),
)
SAMPLES_OF_A_PROMPT = st.lists(SAMPLE, max_size=6)
VIEWPOINTS = [
    {"id": side, "side": side, "text": text, "weight": weight}
    for side, text, weight in (
        ("yes", "ants dig", 1),
        ("no", "bees fly", 0.5),
        ("depends", "eat sand", 3),
    )
]

ANSWERS = [["ants", "ants dig"], ["bees", "bees fly"], ["sand"]]


class BagEncoder:
    """Each text a unit vector of its words: no model, and equal for equal texts."""

    signature = "bags"

    def encode(self, texts):
        rows = np.array([[1.0, *(text.count(word) for word in WORDS)] for text in texts])
        rows = rows.reshape(-1, len(WORDS) + 1)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def is_overlong(self, text):
        return len(text) > 20


class WordMatcher(Matcher):
    """A viewpoint is matched as far as a text holds its words."""

    threshold = 0.5
    signature = "words>=0.5"

    def scores(self, questions):
        return [
            np.array(
                [[share(view, text) for view in question.viewpoints] for text in question.texts],
                dtype=np.float64,
            ).reshape(len(question.texts), len(question.viewpoints))
            for question in questions
        ]

    def verdicts(self, questions):
        return []


def share(view, text):
    words = view.split()
    return sum(word in text for word in words) / len(words)


class LengthBert:
    """BERTScores from lengths alone."""

    def pairs(self, own, references):
        return [self._scores(*pair) for pair in zip(own, references, strict=True)]

    def _scores(self, own, references):
        table = np.array([[1 / (1 + abs(len(a) - len(b))) for b in references] for a in own])
        table = table.reshape(len(own), len(references))
        return PairScores(table, table, table)

    def is_cut(self, text):
        return len(text) > 30


class LengthNli:
    """Texts contradict each other as far as their lengths differ."""

    def prepare(self, sets):
        """There is no model to see them."""

    def scores(self, texts):
        pairs = list(permutations(map(len, texts), 2))
        return np.array([1 - 2 / (1 + abs(a - b)) for a, b in pairs])


def judged(samples):
    """Verdicts on the valid samples; what they say depends on the text alone."""
    valid = [sample.text for sample in samples if sample.status == "valid"]

    def of(value):
        return [Verdict("parsed", value(len(text)), "") for text in valid]

    shares = {"only_reference": 0.25, "both": 0.25, "only_sample": 0.5}
    return {
        "quality": of(lambda n: dict.fromkeys(QUALITY_ASPECTS, 3 + n % 3)),
        "stance": of(lambda n: STANCES[n % 4]),
        "rating": of(lambda n: 1 + n % 10),
        "missing": of(lambda n: 1 + n % 5),
        "topics": of(lambda n: {"shares": shares, "disagreement": 1 / (1 + n)}),
    }


def prompt(key, raws, reference):
    samples, others = [clean(raw) for raw in raws], [clean(raw) for raw in reference]
    return Prompt(
        {"id": key, "prompt": "Why?", "viewpoints": VIEWPOINTS, "answers": ANSWERS},
        samples,
        others,
        info={"examples_dropped": 1.0},
        verdicts=judged(samples),
        reference_verdicts=judged(others),
    )


BENCH = Bench(
    N,
    (),
    BagEncoder(),
    seed=1,
    matcher=WordMatcher(),
    bert=LengthBert(),
    ratings=RATING_SOURCE,
    m=2,
    nli=LengthNli(),
)


def scored(raws, reference=("ants dig", "bees fly", "ants eat sand", "bees"), bench=BENCH):
    other = prompt("other", ["bees carry nests", "sand", "ants fly"], reference)
    names = list(REGISTRY)
    return score_prompts([prompt("own", raws, reference), other], names, bench, set(names))[0]


# ------------------------------------------------------------------------ properties of them all


@settings(deadline=None, max_examples=40)
@given(SAMPLES_OF_A_PROMPT)
def test_every_value_lies_in_its_range_and_none_is_nan(raws):
    for bench in (BENCH, replace(BENCH, matcher=None)):
        names = [n for n, m in REGISTRY.items() if bench.matcher or not m.matched]
        names = [name for name in names if bench.matcher or name != "coverage_ceiling"]
        [row, _] = score_prompts([prompt("own", raws, ["ants dig", "bees"])] * 2, names, bench)
        for name in names:
            value, range_ = row[name], REGISTRY[name].range
            assert value is None or range_.low - 1e-6 <= value <= range_.high + 1e-6, name


@settings(deadline=None, max_examples=25)
@given(st.data(), SAMPLES_OF_A_PROMPT)
def test_the_order_of_the_samples_does_not_matter(data, raws):
    first, second = scored(raws), scored(data.draw(st.permutations(raws)))
    for name, metric in REGISTRY.items():
        # zlib sees the samples in a row; classes are of the first n, each named by its first.
        if metric is COMPRESSION_RATIO or Need.CLASSES in metric.needs:
            continue
        assert first[name] == pytest.approx(second[name], abs=1e-6), name


@settings(deadline=None, max_examples=25)
@given(SAMPLES_OF_A_PROMPT)
def test_what_grows_with_n_is_defined_from_n_valid_samples_on(raws):
    valid = sum(clean(raw).status == "valid" for raw in raws)
    row = scored(raws)
    for name, metric in REGISTRY.items():
        of_others, on_half = ("_held_out", "_worth", "_echo"), ("_split", "_repeated")
        # A sample that says nothing counts among those that give no known answer.
        counted = {Need.OTHER_PROMPTS, Need.ANSWERS} & metric.needs
        whose = bool(counted) or name.endswith(of_others)
        if metric.grows_with_n and not metric.judgement and not whose and valid < N:
            # Half of the samples are enough for what is taken on a split.
            assert row[name] is None or (name.endswith(on_half) and valid >= 1), name


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), st.integers(2, 6))
def test_equal_samples_have_no_diversity(text, n):
    row = scored([text] * n)
    for name in ("lexical_diversity", "semantic_diversity"):
        assert row[name] == pytest.approx(0, abs=1e-6)
    for name in ("overton_index", "overton_index_words", "overton_index_clusters"):
        assert row[name] in (None, pytest.approx(1)), name
    if n >= N:
        assert row["vendi"] == pytest.approx(1, abs=1e-5)
        for name in ("distinct_k", "distinct_at_m", "classes_hill1", "classes_hill2"):
            assert row[name] == 1
        assert row["top_class_share"] == row["class_collision"] == 1
        # As good as one answer that is followed by nothing.
        assert row["utility_k"] == pytest.approx((1 + len(text) % 10) / (1 + 0.8 + 0.64))


def test_without_a_valid_sample_only_what_is_no_property_of_samples_is_defined():
    for raws in ([], [None] * 5, ["", " "]):
        row = scored(raws)
        defined = {name for name in REGISTRY if row[name] is not None}
        about = {name for name, m in REGISTRY.items() if m.family == SAMPLES}
        # The reference against itself, and its held-out units, need no sample of this run.
        baselines = {name for name, m in REGISTRY.items() if m.is_baseline}
        # To say nothing is to give none of the known answers.
        assert defined <= about | baselines | {"answer_validity"}
        assert row["answer_validity"] == (0 if raws == ["", " "] else None)


def test_a_worst_case_is_no_better_than_the_best():
    raws = ["ants dig", "bees fly", "eat sand", "ants", "bees"]
    missing = Verdict("failed", None, None)
    own = prompt("own", raws, raws)
    lost = {key: [missing, *own.verdicts[key][1:]] for key in ("quality", "rating")}
    row = score_prompts(
        [replace(own, verdicts={**own.verdicts, **lost})] * 2,
        list(REGISTRY),
        BENCH,
        bounded(REGISTRY, {Need.RATINGS}),
    )[0]
    assert row["utility_k"] is None
    assert row["utility_k_worst"] < row["utility_k_best"]
    for name, metric in REGISTRY.items():
        worst, best = row.get(f"{name}_worst"), row.get(f"{name}_best")
        if None in (worst, best) or metric.judgement not in ("quality", ""):
            continue
        lower_is_better = metric.higher_is_better is False
        assert (best <= worst) if lower_is_better else (worst <= best), name


# --------------------------------------------------------------------------- what is declared


@pytest.mark.parametrize("metric", REGISTRY.values(), ids=list(REGISTRY))
def test_a_declaration_is_whole(metric):
    assert metric.family in FAMILIES
    assert metric.tasks
    assert metric.says.endswith(".")
    assert len(metric.says) <= 125
    assert re.search(r"arXiv:\d{4}\.\d{5}|doi:10\.\d+/\S+", metric.source)
    assert metric.range.low < metric.range.high
    assert metric.version >= 1
    # A baseline is what a finding is compared with: neither direction of it is better.
    assert not (metric.is_baseline and metric.higher_is_better is not None)


def test_a_quality_controlled_metric_has_the_direction_of_the_raw_one():
    for metric in REGISTRY.values():
        if metric.controlled:
            assert metric.higher_is_better == metric.controlled.higher_is_better


def test_judged_metrics_stand_under_what_they_are_about():
    found = families(["quality_pass_share", "missing_info", "topics_both", "topics_disagreement"])
    assert found == {
        "Quality": ["quality_pass_share"],
        "Against a reference run": ["missing_info", "topics_both", "topics_disagreement"],
    }


def test_a_finding_and_what_stands_for_it_on_a_split_have_one_direction():
    for name in ("missing_from_reference", "reference_coverage_at_1"):
        whole, split = REGISTRY[name], REGISTRY[f"{name}_split"]
        assert whole.higher_is_better is split.higher_is_better is not None


def test_ranges_in_words():
    shown = {name: str(REGISTRY[name].range) for name in ("jaccard", "vendi", "length_ratio")}
    assert shown == {"jaccard": "0 to 1", "vendi": "1 to n", "length_ratio": "0 or more"}
    assert str(REGISTRY["cosine"].range) == "-1 to 1"


def spelled():
    """Yield each place outside of measures/ where a module spells a metric's name."""
    package = Path(lm_eval_overton.__file__).parent
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        exported = {
            item
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and [t.id for t in node.targets if isinstance(t, ast.Name)] == ["__all__"]
            for item in ast.walk(node)
        }
        yield from (
            (place, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and node.value in REGISTRY
            and node not in exported
            and not place.startswith("metrics/measures/")
        )


# Words that are a metric's name and mean something else: kinds of similarity, aspects that a judge
# is asked about, columns of the paper's tables, plain functions and keys of files.
HOMONYMS = {
    "cli/comparing.py": {"cosine"},
    "comparison/homogeneity/alike.py": {"cosine"},
    "comparison/recover.py": {"cosine", "jaccard", "rouge_l"},
    "comparison/recovered.py": {"cosine", "jaccard", "rouge_l"},
    "judge/judgements/quality.py": set(QUALITY_ASPECTS),
    "judge/replies/topics.py": {"helpfulness"},
    "metrics/likeness.py": {"cosine", "jaccard", "rouge_l", "length_ratio"},
    "metrics/quality_bar.py": {"helpfulness"},
    "metrics/ratings.py": {"helpfulness"},
    "replicate/answers.py": {"lexical_diversity"},
    "replicate/expected.py": {"helpfulness", "jaccard", "cosine"},
    "replicate/judged.py": {"helpfulness"},
    "replicate/quality_controlled.py": {"helpfulness"},
    "replicate/similarity.py": {"cosine", "jaccard", "rouge_l"},
    "reporting/browser.py": {"cosine", "jaccard"},
    "harness/icl/task.py": {"examples_dropped"},
    "runs/harness_samples.py": {"failed_rate"},
}


def test_no_other_module_spells_a_metric_s_name():
    assert {(place, name) for place, name in spelled() if name not in HOMONYMS.get(place, ())} == (
        set()
    )


# ------------------------------------------------------------------------------- the command


def test_the_table_in_the_tasks_readme_is_what_the_command_prints(capsys):
    assert main(["metrics", "--markdown"]) == 0
    text = (ROOT / "tasks" / "overton" / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- metrics -->\n")[2].partition("<!-- end -->")[0]
    assert table == capsys.readouterr().out


def test_the_command_lists_every_metric_under_its_family(capsys):
    assert main(["metrics"]) == 0
    blocks = capsys.readouterr().out.split("\n\n")
    found = {block.splitlines()[0]: block.splitlines()[1:] for block in blocks}
    assert list(found) == [f for f in FAMILIES if f in {m.family for m in REGISTRY.values()}]
    listed = {family: [line.split()[0] for line in lines] for family, lines in found.items()}
    for family, names in listed.items():
        assert names == [n for n, m in REGISTRY.items() if m.family == family]


def test_the_command_s_json_holds_what_is_declared(capsys):
    assert main(["metrics", "--json"]) == 0
    records = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [record["name"] for record in records] == list(REGISTRY)
    vendi = next(record for record in records if record["name"] == "vendi")
    assert vendi["range"] == [1, None]
    assert vendi["higher_is_better"] is True
    assert vendi["needs"] == ["embeddings"]
    assert not math.isnan(vendi["version"])
