import pytest

from pipeline import basemodels


@pytest.mark.parametrize(
    ("base_model", "on_hub", "shown"),
    [
        ("openai-community/gpt2", True, "openai-community/gpt2"),
        ("tiny", False, "tiny"),
        ("/home/me/gpt2", False, "gpt2"),
        ("bot:alice/r-1", False, "alice/r-1"),
    ],
)
def test_what_a_base_model_is_and_how_the_world_sees_it(base_model: str, on_hub: bool, shown: str) -> None:
    assert basemodels.is_on_hub(base_model) == on_hub
    assert basemodels.public_name(base_model) == shown
