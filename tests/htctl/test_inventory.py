from htctl import inventory
from pipeline.layout import RunKeys, latest, posts_file
from pipeline.store import Entry

KEYS, OTHER = RunKeys("alice", "a-00000001"), RunKeys("bob", "b-00000001")
ENTRIES = [
    Entry("batches/b/batch.json", 3),
    Entry(latest("alice"), 10),
    Entry(KEYS.checkpoint("000000005/engine/x"), 1000),
    Entry(KEYS.checkpoint("000000005.json"), 5),
    Entry(KEYS.config, 20),
    Entry(KEYS.model("model.safetensors"), 4000),
    Entry(KEYS.stage("scrape"), 1),
    Entry(KEYS.stage("clean"), 1),
    Entry(OTHER.config, 7),
    Entry(OTHER.lease, 2),
    Entry(posts_file("ff", "data"), 500),
    Entry(posts_file("ff", "index.json"), 50),
    Entry("posts/x/alice/index.json", 60),
]


def test_each_run_by_its_parts() -> None:
    found = inventory.count(ENTRIES)
    assert found.runs["alice"][KEYS.run] == inventory.Held(5027, 1005, {"scrape", "clean"}, leased=False)
    assert found.runs["bob"][OTHER.run] == inventory.Held(9, 0, set(), leased=True)
    assert found.files == {"ff": 550}
    assert found.bot("alice") == 5037
    assert found.bot("nobody") == 0


def test_every_byte_is_counted_once() -> None:
    totals = inventory.count(ENTRIES).totals()
    assert totals == {"bots": 5037, "unpublished": 9, "posts": 610, "other": 3, "all": 5659}
    assert totals["all"] == sum(entry.size for entry in ENTRIES)


def test_what_a_month_costs_by_gb_as_s3_counts_them() -> None:
    assert inventory.a_month(100 << 30, 0.023) == 2.3
    assert inventory.a_month(5, None) is None


def test_the_totals_as_a_line() -> None:
    totals = {"bots": 5 << 30, "unpublished": 0, "posts": 1000, "other": 0, "all": (5 << 30) + 1000}
    said = "5.4 GB in all (bots 5.4 GB, posts 1.0 kB)"
    assert inventory.summary(totals, None) == said
    assert inventory.summary(totals, 0.023) == f"{said}, $0.12 a month at $0.023 a GB"
    assert inventory.as_json(totals, None) == {"bytes": totals, "dollars_a_month": None}
