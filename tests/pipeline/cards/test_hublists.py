import pytest

from pipeline.cards import hublists
from pipeline.settings import Settings
from pipeline.text.language import RENAMED


def test_what_the_pipeline_writes_by_itself_is_known() -> None:
    assert Settings().license in hublists.LICENCES
    assert "text-generation" in hublists.TASKS
    assert set(RENAMED.values()) <= hublists.LANGUAGES


@pytest.mark.slow
def test_every_language_that_the_guess_can_name_is_known() -> None:
    import py3langid

    py3langid.classify("load the model")
    guessed = {str(label) for label in py3langid.langid.IDENTIFIER.nb_classes}
    assert len(guessed) > 90
    assert {code for code in guessed if len(code) != 3} <= hublists.LANGUAGES


def test_the_two_letter_codes_are_as_many_as_iso_639_1_has_and_its_forerunners() -> None:
    assert len(hublists.LANGUAGES) >= 183
    assert {len(code) for code in hublists.LANGUAGES} == {2}
