"""A page as a tree: what is in it is asked for by tag and attribute."""

from html.parser import HTMLParser

VOID = {"meta", "img", "input", "link", "br", "hr"}


class Node:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, dict(attributes), parent
        self.children = []

    @property
    def text(self):
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def every(self, tag, **wanted):
        """All below with this tag and these attributes; `None` is any value."""
        found = []
        for child in self.children:
            if isinstance(child, str):
                continue
            fits = child.tag == tag and all(
                name in child.attributes and value in (None, child.attributes[name])
                for name, value in wanted.items()
            )
            found += ([child] if fits else []) + child.every(tag, **wanted)
        return found

    def one(self, tag, **wanted):
        [found] = self.every(tag, **wanted)
        return found


class Reader(HTMLParser):
    """Refuses what a browser would have to mend."""

    def __init__(self):
        super().__init__()
        self.root = self.here = Node("root", (), None)

    def handle_starttag(self, tag, attrs):
        node = Node(tag, attrs, self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_endtag(self, tag):
        assert tag == self.here.tag, f"</{tag}> closes <{self.here.tag}>"
        self.here = self.here.parent

    def handle_data(self, data):
        self.here.children.append(data)


def read_page(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is not closed"
    return reader.root
