"""`htctl render`: the Kubernetes objects that a batch would be submitted as."""

from htctl import basebots, jobs, options, output, scrapefirst, selection
from pipeline.store import open_store


def render(
    groups: options.HandlesArgument = None,
    file: options.FileOption = None,
    posts: options.PostsOption = None,
    batch: options.BatchOption = "",
    set_: options.SetOption = None,
    store: options.StoreOption = "",
    scrape_first: options.ScrapeFirstOption = False,
    format_: options.OutputOption = "",
) -> int:
    """Print a batch's Kubernetes objects, as YAML that kubectl apply takes; nothing is sent or written.

    Posts from files are named by their hash: the Jobs find them once they are in the store. With --scrape-first the
    first of them is the Job that fetches accounts' posts; let it end before you send the others.
    """
    as_json = options.wants_json(format_)
    asked = selection.asked(file, groups or [], posts or [], options.settings(set_ or []), batch)
    opened = open_store(options.store_address(store, asked.store))
    found = jobs.objects(basebots.pinned(asked, opened), opened.address)
    if scrape_first and (first := scrapefirst.job(asked, opened.address)):
        found.insert(0, first)
    if as_json:
        output.data({"apiVersion": "v1", "kind": "List", "items": found})
    else:
        from htctl import yamltext  # PyYAML is loaded only by who writes YAML

        output.line(yamltext.documents(found).rstrip())
    return 0
