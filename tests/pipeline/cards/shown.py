"""A card as a hub shows it: its Markdown rendered by the rules of GitHub's, its HTML cleaned of all that runs."""

import re
from html.parser import HTMLParser

import nh3
from markdown_it import MarkdownIt

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What hubs leave in a card: layout by `style` and `class`, but nothing that could run, load or cover the page.
ATTRIBUTES = {**nh3.ALLOWED_ATTRIBUTES, "*": {"style", "class", "align"}}
STYLES = {
    "background-image", "background-size", "border-color", "border-radius", "border-width", "color", "display",
    "font-size", "font-weight", "height", "line-height", "margin-left", "margin-right", "margin-top", "text-align",
    "width",
}  # fmt: skip
ADDRESS = re.compile(r"\s*(https?:|mailto:|#|[\w./%-]*$)", re.IGNORECASE)  # of the web, or beside the card
STYLE_ADDRESS = re.compile(r"""url\((?!''|""|['"]https?:)|expression|@import|behavior""", re.IGNORECASE)
LOADS = {"script", "iframe", "object", "embed", "form", "link", "meta", "base", "style", "svg", "math"}


def parts(card: str) -> tuple[str, str]:
    """The block of YAML and the Markdown below it."""
    _, block, body = re.split(r"^---\n", card, maxsplit=2, flags=re.MULTILINE)
    return block, body


def rendered(card: str) -> str:
    """The body as HTML, before anything is taken out."""
    return str(RENDERER.render(parts(card)[1]))


def cleaned(html: str) -> str:
    """HTML without what a hub takes out."""
    return nh3.clean(html, tags=nh3.ALLOWED_TAGS | {"section"}, attributes=ATTRIBUTES, filter_style_properties=STYLES)


class Page(HTMLParser):
    """The elements, attributes and text of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def dangers(self) -> list[str]:
        """What of it would run or load something."""
        found = [tag for tag, _ in self.tags if tag in LOADS]
        for tag, attributes in self.tags:
            found += [f"{tag} {name}" for name in attributes if name.startswith("on")]
            found += [attributes[name] for name in ("href", "src") if not ADDRESS.match(attributes.get(name, ""))]
            found += [attributes["style"]] if STYLE_ADDRESS.search(attributes.get("style", "")) else []
        return found


def columns(html: str) -> list[list[int]]:
    """Of each table how many cells each of its rows has."""
    tables: list[list[int]] = []
    for tag, _ in Page(html).tags:
        if tag == "table":
            tables.append([])
        elif tag == "tr":
            tables[-1].append(0)
        elif tag in ("td", "th"):
            tables[-1][-1] += 1
    return tables
