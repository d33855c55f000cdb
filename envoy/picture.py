"""Draws the picture in the README: where Toolgate is, and what goes in and out.

    python3 envoy/picture.py > envoy/picture.svg

The picture brings its own background, and follows the reader's choice of light or dark.
"""

from html import escape

WIDTH, HEIGHT = 980, 410
LINE = 18

STYLE = """
  svg { --page: #ffffff; --ink: #1f2328; --quiet: #57606a; --line: #8c959f; --box: #f6f8fa; --gate: #0969da; --on: #ffffff; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #161b22; --ink: #e6edf3; --quiet: #9ea7b3; --line: #6e7681; --box: #21262d; --gate: #1f6feb; --on: #ffffff; }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--quiet); }
  .name { font-size: 15px; font-weight: 600; fill: var(--ink); }
  .page { fill: var(--page); stroke: var(--line); stroke-opacity: 0.4; }
  .envoy { fill: none; stroke: var(--line); stroke-width: 1.5; stroke-dasharray: 6 4; }
  .box { fill: var(--box); stroke: var(--line); }
  .gate { fill: var(--gate); }
  .gate + text, .gate + text + text, .gate + text + text + text { fill: var(--on); }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.75; marker-end: url(#head); }
  #head path { fill: var(--line); }
"""

# Class, left, top, width, height, name, and lines below the name.
BOXES = (
    ("box", 30, 160, 150, 90, "AI agent", ("MCP client, with a", "person's token")),
    ("box", 320, 160, 130, 90, "jwt_authn", ("verifies the token", "")),
    ("gate", 480, 160, 130, 90, "Toolgate", ("decides by policy", "and arguments")),
    ("box", 640, 160, 100, 90, "router", ("forwards", "")),
    ("box", 810, 160, 140, 90, "tool servers", ("MCP, unchanged", "")),
    ("box", 285, 20, 180, 70, "identity provider", ("signing keys",)),
    ("box", 480, 20, 260, 70, "bundle", ("Cedar policies, tools, tests: in git",)),
    ("box", 480, 325, 260, 65, "decision log", ("one record per call, to your SIEM",)),
)

# Points of each arrow.
ARROWS = (
    ((180, 190), (320, 190)),
    ((450, 205), (480, 205)),
    ((610, 205), (640, 205)),
    ((740, 205), (810, 205)),
    ((375, 90), (375, 160)),
    ((545, 90), (545, 160)),
    ((575, 250), (575, 325)),
    ((515, 250), (515, 305), (105, 305), (105, 250)),
)

# Left, baseline, anchor and text.
LABELS = (
    (232, 180, "middle", "tool call"),
    (120, 297, "start", "refusal: a tool result with the reason"),
    (557, 113, "start", "pushed in Envoy's configuration,"),
    (557, 129, "start", "without a restart"),
    (732, 270, "end", "Envoy"),
)


def box(kind: str, left: int, top: int, width: int, height: int, name: str, below: tuple[str, ...]) -> str:
    """A rectangle with its texts, centred."""
    middle = left + width // 2
    lines = [line for line in below if line]
    first = top + height // 2 + 5 - LINE * len(lines) // 2
    texts = [f'<text class="name" x="{middle}" y="{first}" text-anchor="middle">{escape(name)}</text>']
    texts += [
        f'<text x="{middle}" y="{first + LINE * number}" text-anchor="middle">{escape(line)}</text>'
        for number, line in enumerate(lines, start=1)
    ]
    frame = f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="8"/>'
    return "\n".join([frame, *texts])


def arrow(points: tuple[tuple[int, int], ...]) -> str:
    """A line through all points, with a head at its end."""
    return f'<polyline class="arrow" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def label(x: int, y: int, anchor: str, text: str) -> str:
    """A text beside an arrow."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def picture() -> str:
    """The whole SVG."""
    marker = "M0,0 L8,4 L0,8 z"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
            '<title id="title">Toolgate is a filter in Envoy, between jwt_authn and the router</title>',
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"'
            f' markerUnits="userSpaceOnUse"><path d="{marker}"/></marker></defs>',
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="12"/>',
            '<rect class="envoy" x="270" y="140" width="490" height="140" rx="12"/>',
            *(arrow(points) for points in ARROWS),
            *(box(*each) for each in BOXES),
            *(label(*each) for each in LABELS),
            "</svg>",
        ]
    )


if __name__ == "__main__":
    print(picture())
