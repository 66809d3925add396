from pathlib import Path

from tests.htctl.batchfiles import HEAD, load


def test_the_run_s_config_has_every_setting_written_out(folder: Path) -> None:
    batch = load(folder, "batch: nightly\n" + HEAD + "groups: [alice]\n")
    config = batch.run_config(batch.groups[0], "/store", {"alice": "0" * 64})
    assert (config.batch, config.store, config.handles) == ("nightly", "/store", ("alice",))
    assert config.train == batch.groups[0].settings.train
    assert config.posts == {"alice": "0" * 64}


def test_accounts_of_several_sources_in_one_group(folder: Path) -> None:
    text = HEAD + "groups:\n- alice+bluesky:Carol.bsky.social\n- handles: ['mastodon:@u@server.org', bob]\n"
    first, second = load(folder, text).groups
    assert first.handles == ("alice", "Carol.bsky.social")
    assert [first.source_of(handle) for handle in first.handles] == ["jsonl", "bluesky"]
    assert second.sources == {"u@server.org": "mastodon"}
    assert list(first.posts) == ["alice"]  # the pattern is for the group's own source
    run = load(folder, text).run_config(first, "/store", {"alice": "0" * 64})
    assert run.qualified == ("alice", "bluesky:Carol.bsky.social")
    assert (run.handles, run.source) == (first.handles, "jsonl")


def test_a_group_whose_accounts_are_all_elsewhere_has_their_source(folder: Path) -> None:
    named = load(folder, HEAD + "groups: ['bluesky:a.bsky.social+bluesky:b.com']\n").groups[0]
    plain = load(folder, "defaults: {source: bluesky, base_model: tiny}\ngroups: [a.bsky.social+@b.com]\n").groups[0]
    assert (named.bot, named.settings, named.sources) == (plain.bot, plain.settings, {})
    assert named.settings.source == "bluesky"
