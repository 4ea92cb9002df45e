"""Tables of ratings are read by what their columns are called, or refused in one line."""

import pytest

from lm_eval_overton.data.overtonbench import Rating, read_ratings
from lm_eval_overton.errors import DataError

HEAD = "question,model,cluster,rating,participant\n"


@pytest.fixture
def write(tmp_path):
    def to_file(content):
        path = tmp_path / "ratings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


@pytest.mark.parametrize(
    "head",
    [
        "question,model,cluster,rating,participant",
        "question_id,model,cluster_kmeans,representation_rating,user",
        "Question ID, Model ,Opinion cluster,RATING,participant-id",
        "\ufeffprompt,llm,opinion_cluster,score,prolific_id",
    ],
)
def test_columns_have_several_names(write, head):
    found = read_ratings(write(f"{head}\r\nq1,m,2,4.0,p7\r\n\r\n"))
    assert found == [Rating("q1", "m", "2", "p7", 4.0)]


def test_further_columns_and_breaks_within_cells_do_not_matter(write):
    text = (
        'user,question,question_id,model,llm_response,cluster,rating\np,"A,\nb?",3,m,"x\ny",0,5\n'
    )
    assert read_ratings(write(text)) == [Rating("3", "m", "0", "p", 5.0)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "columns for question .* got an empty file"),
        (b"\xff\xfe\x00", "in UTF-8, got other bytes"),
        (HEAD, "at least one row of ratings, got none"),
        (HEAD.replace("model", "who"), r"columns for model \(model, model_name or llm\), got 'que"),
        ("question;model;cluster;rating;participant\n", "columns for question .* participant"),
        ("a,b\n1,2\n", "question .*; model .*; cluster .*; rating .*; participant .* got 'a', 'b'"),
        ("rating," + HEAD + "5,q,m,c,4,p\n", "every column once, got 'rating' more than once"),
        (HEAD + "q,m,c,4\n", r":2: expected 5 cells as in the head, got 4; quote"),
        (HEAD + "q,m,c,4,p,x\n", "expected 5 cells as in the head, got 6"),
        (HEAD + "q,m, ,4,p\n", ":2: expected a cluster, got an empty cell"),
        (HEAD + "q,m,c,4,p\nq,m,d,4,p\n", ":3: expected participant 'p' in one cluster of .* 'c'"),
        *[
            (f"{HEAD}q,m,c,{rating},p\n", f":2: expected a rating from 1 to 5, got '{rating}'")
            for rating in ("0", "5.01", "-3", "nan", "inf", "four")
        ],
    ],
)
def test_what_is_no_table_of_ratings_is_refused_in_one_line(write, content, why):
    with pytest.raises(DataError, match=why) as caught:
        read_ratings(write(content))
    assert "\n" not in str(caught.value)


def test_a_folder_or_nothing_is_refused(tmp_path):
    for place in (tmp_path, tmp_path / "no.csv"):
        with pytest.raises(DataError, match="expected a CSV file of ratings, got none"):
            read_ratings(place)
