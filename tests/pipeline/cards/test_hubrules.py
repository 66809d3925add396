import pytest

from pipeline.cards.hubrules import wrong_licence


@pytest.mark.parametrize("name", ["mit", "apache-2.0", "openrail++", "other"])
def test_licences_of_the_hub_pass(name: str) -> None:
    assert wrong_licence(name) == ""


def test_another_is_refused_with_what_to_do() -> None:
    assert "did you mean 'apache-2.0'?" in wrong_licence("apache-2")
    assert "write 'other' and a license_name" in wrong_licence("zzzz-zzzz")
