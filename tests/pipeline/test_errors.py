"""The Job's podFailurePolicy is written against these codes: they never change."""

from pipeline import errors


def test_exit_codes() -> None:
    codes = {
        cls.__name__: cls.exit_code for cls in errors.HtctlError.__subclasses__() if cls.__module__ == errors.__name__
    }
    assert codes == {
        "ConfigError": 64,
        "TooFewPostsError": 65,
        "AccountError": 66,
        "TooDearError": 1,
        "GaveUpError": 68,
        "SourceRefusedError": 69,
        "TryLaterError": 75,
        "CredentialError": 77,
        "StoreError": 1,
    }
