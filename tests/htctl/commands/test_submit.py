import json
import threading
import time
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.store import open_store
from tests.htctl import clusters
from tests.htctl.clusters import fake, names  # noqa: F401 - a fixture
from tests.htctl.runner import Ran, htctl
from tests.k8s.apiserver import State, status

NEXT = "next  htctl watch -f bots.yaml\n"


def submit(*arguments: str) -> Ran:
    return htctl("submit", "-f", "bots.yaml", *arguments)


def test_a_batch_is_submitted_and_again_is_already_there(fake: State) -> None:  # noqa: F811
    assert (
        submit().err
        == "submitted 3, already there 0; the cluster has 3 of 3 Jobs of batch night in namespace bots\n" + NEXT
    )
    again = submit()
    assert (again.code, again.err) == (
        0,
        "submitted 0, already there 3; the cluster has 3 of 3 Jobs of batch night in namespace bots\n" + NEXT,
    )


def test_the_next_command_has_what_this_one_was_told(fake: State) -> None:  # noqa: F811
    assert submit("-n", "other", "--batch", "day").err.endswith(
        "next  htctl watch day -f bots.yaml --namespace other\n"
    )
    Path("elsewhere").mkdir()
    there = Path("elsewhere").resolve()
    volume = f"kubernetes.volumes=[{{name: s, mountPath: {there}, hostPath: {{path: {there}}}}}]"
    ran = htctl(
        "submit", "alice", "--posts=alice.jsonl", f"--store={there}", "--set=kubernetes.image=a", "--set", volume
    )
    assert ran.err.endswith(f"next  htctl watch alice --store {there}\n"), ran.err


def test_posts_and_the_batch_s_record_are_in_the_store(fake: State) -> None:  # noqa: F811
    submit()
    assert len(list(Path("store/posts/file").iterdir())) == 2
    record = json.loads(Path("store", layout.batch("night")).read_text())
    assert (record["batch"], record["namespace"]) == ("night", "bots")
    assert {group["bot"]: group["job"] for group in record["groups"]} == names(fake)
    assert record["groups"][2]["handles"] == "alice+bob"


def test_some_groups_in_another_namespace(fake: State) -> None:  # noqa: F811
    assert "has 1 of 1" in submit("alice", "-n", "other").err
    assert all("/namespaces/other/" in asked for asked in fake.asked)


def test_what_was_cut_off_is_completed(fake: State) -> None:  # noqa: F811
    fake.script["POST"] = [status(200, ""), *[status(403, "exceeded quota: few")] * 3]
    cut = submit()
    assert cut.code == 1
    assert "exceeded quota: few; let Jobs end" in cut.err
    assert "of 3 were sent; the same command again sends the rest" in cut.err
    fake.script["POST"].clear()  # the sending may have ended before it met all three
    assert "the cluster has 3 of 3" in submit().err


def test_another_config_is_refused_before_anything_is_written_and_replaced_if_asked(fake: State) -> None:  # noqa: F811
    submit()
    before = Path("store", layout.batch("night")).read_bytes()
    refused = submit("--set=train.epochs=2")
    assert (refused.code, "train.epochs: 12 -> 2" in refused.err) == (1, True)
    assert Path("store", layout.batch("night")).read_bytes() == before
    assert submit("--set=train.epochs=2", "--replace").err.startswith("submitted 3, already there 0")
    assert submit("--set=train.epochs=2").err.startswith("submitted 0, already there 3")


def test_what_is_missing_is_sent_though_another_group_differs(fake: State) -> None:  # noqa: F811
    submit("alice", "--set=train.epochs=2")
    record = json.loads(Path("store", layout.batch("night")).read_text())
    dry = submit("--dry-run=server")
    assert (dry.code, "2 would be submitted, 1 would stay as they are" in dry.err) == (1, True)
    ran = submit()
    assert (ran.code, sorted(names(fake))) == (1, ["alice", "alice-bob", "bob"])
    assert "submitted 2, already there 0; the cluster has 3 of 3 Jobs" in ran.err
    assert "error: 1 Job is there with another config" in ran.err
    assert "train.epochs: 2 -> 12" in ran.err
    after = json.loads(Path("store", layout.batch("night")).read_text())
    assert after["groups"][0] == record["groups"][0]


@pytest.mark.parametrize(("where", "posts"), [("client", 0), ("server", 4)])
def test_a_dry_run_writes_nothing_anywhere(fake: State, where: str, posts: int) -> None:  # noqa: F811
    ran = submit(f"--dry-run={where}")
    assert (ran.code, ran.err.endswith("nothing was sent\n")) == (0, True)
    assert sum(asked.startswith("POST") and "dryRun=All" in asked for asked in fake.asked) == posts
    assert (fake.objects["Job"], Path("store").exists()) == ({}, False)


def test_most_refusals_come_before_anything_is_written(fake: State) -> None:  # noqa: F811
    fake.script["POST"] = [status(404, 'namespaces "bots" not found')]
    ran = submit()
    assert (ran.code, "kubectl create namespace" in ran.err) == (1, True)
    assert not Path("store").exists()


def test_waiting_keeps_to_the_bound_and_asks_the_store_how_it_went(fake: State) -> None:  # noqa: F811
    most = []

    def end_all() -> None:
        ended = 0
        while ended < 3:
            going = [name for name, job in list(fake.objects["Job"].items()) if not job["status"]]
            most.append(len(going))
            if going:
                job = fake.objects["Job"][going[0]]["metadata"]["annotations"]
                if job["htctl.dev/bot"] != "bob":
                    pointer = json.dumps({"run": job["htctl.dev/run"], "config": job["htctl.dev/run"][-8:]})
                    open_store("store").write(layout.latest(job["htctl.dev/bot"]), pointer.encode())
                fake.end(going[0])
                ended += 1
            time.sleep(0.01)

    thread = threading.Thread(target=end_all, daemon=True)
    thread.start()
    ran = submit("--wait", "--max-in-flight=1")
    thread.join()
    assert (ran.code, max(most)) == (1, 1)
    *_, totals, bob = ran.out.splitlines()
    assert totals == "batch night: 3 groups: 2 published, 1 failed"
    assert bob.startswith("bob: failed: it ended with 0, but the bot's pointer does not name its run")


def test_waiting_deletes_what_cannot_start(fake: State) -> None:  # noqa: F811
    def hold() -> None:
        while not fake.objects["Job"]:
            time.sleep(0.01)
        (job,) = fake.objects["Job"].values()
        fake.change("ADDED", "Pod", clusters.not_pulled(job))

    threading.Thread(target=hold, daemon=True).start()
    ran = submit("alice", "--wait", "--start-deadline=1m")
    assert (ran.code, fake.objects["Job"]) == (1, {})
    assert "so its Job was deleted: ImagePullBackOff: no such image" in ran.out


def test_what_the_cluster_refuses_has_failed_and_is_not_waited_for(fake: State) -> None:  # noqa: F811
    fake.script["POST"] = [status(200, ""), status(422, "spec is wrong")]  # the first is the try
    ran = submit("alice", "--wait", "--max-in-flight=1")
    assert (ran.code, "alice: failed: refused: " in ran.out) == (1, True)
    assert "spec is wrong" in ran.out


def test_a_list_of_handles_needs_no_file(fake: State) -> None:  # noqa: F811
    asked = ["alice", "alice+bob", "--posts=alice.jsonl", "--posts=bob.jsonl", "--store=s3://b", "--batch=night"]
    ran = htctl("submit", *asked, "--set=kubernetes.image=htctl", "--dry-run=client")
    assert (ran.code, ran.err.startswith("2 objects of batch night are sound")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--max-in-flight=2"], "--max-in-flight needs --wait"),
        (["--dry-run=maybe"], "must be client or server"),
        (["--dry-run=server", "--wait"], "nothing to wait for"),
        (["-n", "a", "--set=kubernetes.namespace=b"], "--set kubernetes.namespace says b"),
    ],
)
def test_wrong_usage_is_2(fake: State, arguments: list[str], says: str) -> None:  # noqa: F811
    ran = submit(*arguments)
    assert (ran.code, says in ran.err) == (2, True)
    assert fake.asked == []


def test_what_to_submit_must_be_said() -> None:
    ran = htctl("submit")
    assert (ran.code, "say what to make" in ran.err) == (2, True)
