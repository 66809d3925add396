import json
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.order import Order
from pipeline.settings import Scrape

ORDER = Order("s3://bots/a", {"x": ("alice", "bob"), "mastodon": ("a@b.example",)}, Scrape(posts=500), 30.0)


def test_an_order_comes_back_as_it_went() -> None:
    assert Order.from_json(ORDER.to_json()) == ORDER


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"accounts": {"x": ["not a name"]}}, "'not a name' is not a handle of source x"),
        ({"scrape": {"posts": -1}}, "posts"),
        ({"accounts": 3}, "is no order"),
        ({"lease_seconds": "long"}, "is no order"),
    ],
)
def test_what_is_wrong_with_one_is_said(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Order.from_json(json.dumps(json.loads(ORDER.to_json()) | changes))


def test_what_is_no_json_is_no_order() -> None:
    with pytest.raises(ConfigError, match="is no order of htctl submit --scrape-first"):
        Order.from_json("{")
