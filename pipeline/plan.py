"""The stages of a run, in order: the pipeline's table of contents."""

STAGES = (
    "scrape",  # the handles' posts, frozen: from here on this run is about these posts
    "clean",  # retweets, links and short posts out; every drop with its reason
    "dataset",  # a held-out part, a tokenizer, token ids
    "train",  # the base model fine-tuned; both measured on the held-out part
    "generate",  # samples, and how many of them are copies
    "card",  # README.md and metrics.json beside the weights
    "publish",  # the pointer moves to this run, last
)
