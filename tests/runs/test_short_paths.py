import pytest

from lm_eval_overton.runs.short_paths import short_model, short_path, without_folders


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("runs/a", "runs/a"),
        ("../runs/a", "../runs/a"),
        ("/home/me/ckpts/run/step-100", ".../run/step-100"),
        ("/home/me/a.json", ".../a.json"),
        ("~/work/x/y/z", ".../y/z"),
        (r"C:\Users\me\work\x", ".../work/x"),
        ("/", "...//"),
        ("runs/__home__me__step-100/results_1.json", "runs/...__step-100/results_1.json"),
        ("runs/Qwen__Qwen3-4B/results_1.json", "runs/Qwen__Qwen3-4B/results_1.json"),
    ],
)
def test_a_path_shows_its_last_parts(path, shown):
    assert short_path(path) == shown


def test_a_path_within_the_working_folder_is_as_a_user_would_type_it(here, monkeypatch):
    assert short_path(here / "runs" / "a") == "runs/a"
    assert short_path(here) == "."
    assert without_folders(f"in {here}/runs/a: b") == "in runs/a: b"
    # From the root, everything would be within.
    monkeypatch.chdir("/")
    assert short_path("/home/me/x/y/z") == ".../y/z"


def test_a_model_is_called_as_its_checkpoint():
    assert short_model("/scratch/me/llama-sft/step-100") == "llama-sft/step-100"
    assert short_model("Qwen/Qwen3-4B") == "Qwen/Qwen3-4B"
    assert short_model("") == ""


@pytest.mark.parametrize(
    "text",
    [
        "see https://h/v1/chat/completions",
        "1/2 and/or 3/4, p/q/r",
        "a thought that ends with </think>/x",
        "/ alone, //, and .../x/y",
    ],
)
def test_what_is_no_path_stays(text):
    assert without_folders(text) == text


def test_paths_in_a_text_are_cut_short():
    text = "`overton judge /home/me/.cache/runs/2-a` (/a/b/c/d.json:12: x), '~/me/x/y/z'"
    shown = "`overton judge .../runs/2-a` (.../c/d.json:12: x), '.../y/z'"
    assert without_folders(text) == shown
    assert without_folders(shown) == shown
