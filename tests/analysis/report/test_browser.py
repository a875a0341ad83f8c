"""The report's pages in a real browser: no complaint in the console, at home on a phone, in the
dark and on paper.
"""

from __future__ import annotations

import browser
import pytest
import report_results as rows

from ibsweep.analysis.load import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not browser.AVAILABLE, reason="needs chromium and chromedriver on the path"
    ),
]

UNFOLD = "for (const each of document.querySelectorAll('details')) each.open = true;"

OVERFLOW = """
const width = document.documentElement.clientWidth;
const scrolls = (element) => element.closest('.scroll, pre, .hidden') !== null;
return [...document.body.querySelectorAll('*')]
  .filter((element) => !scrolls(element) && element.getBoundingClientRect().right > width + 1)
  .map((element) => element.outerHTML.slice(0, 120))
  .concat(document.documentElement.scrollWidth > width ? ['the page scrolls sideways'] : []);
"""

FAINT = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (rgb) => rgb.slice(0, 3)
  .map((value) => value / 255)
  .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = channels(getComputedStyle(each).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
// a text in a drawing stands on the shapes that were drawn below it
const shapes = (element) => {
  element.scrollIntoView({block: 'center', inline: 'center'});
  const box = element.getBoundingClientRect();
  const x = box.left + box.width / 2, y = box.top + box.height / 2;
  const stack = document.elementsFromPoint(x, y);
  if (!stack.includes(element)) throw new Error('covered: ' + element.outerHTML);
  return stack.slice(stack.indexOf(element) + 1).reverse()
    .filter((each) => each.closest('svg') && ['path', 'use', 'rect'].includes(each.tagName))
    .map((each) => getComputedStyle(each))
    .filter((style) => style.fill !== 'none');
};
const under = (element) => shapes(element).reduce((below, style) => {
  const opacity = Number(style.fillOpacity) * Number(style.opacity);
  return channels(style.fill).slice(0, 3).map((v, i) => opacity * v + (1 - opacity) * below[i]);
}, behind(element));
const contrast = (element) => {
  const style = getComputedStyle(element), drawn = element.closest('svg');
  const [ink, paper] = drawn
    ? [style.fill, under(element)] : [style.color, behind(element)];
  const [low, high] = [luminance(channels(ink)), luminance(paper)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
// names in the colour of their line may be fainter
const least = (element) =>
  element.closest('svg:not([aria-labelledby^="fig-confusion"])') ? 3 : 4.5;
const texts = [...document.querySelectorAll('body *')].filter((element) =>
  [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) &&
  !['SCRIPT', 'style', 'title', 'desc'].includes(element.tagName));
return [texts.length, texts
  .map((element) => [contrast(element), element])
  .filter(([value, element]) => value < least(element))
  .map(([value, element]) => value.toFixed(2) + ' ' + element.outerHTML.slice(0, 120))];
"""

BADGES = """
const main = document.querySelector('main');
for (const verdict of ['supported', 'refuted', 'equivalent', 'open', 'not_tested'])
  main.insertAdjacentHTML('afterbegin', `<span class="badge ${verdict}">${verdict}</span>`);
"""

COLUMN = """
const cells = document.querySelectorAll('#table-arms tbody tr > :nth-child(4)');
return [...cells].map((cell) => Number(cell.dataset.key));
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of a full question and of one without anything, and the index."""
    folder = tmp_path_factory.mktemp("report")
    full = rows.write_report(load(rows.full(folder / "full", hostile=True)), folder / "out")
    rows.add_sweep(folder / "bare", "duel_mlp", confirmed=False)
    bare = rows.write_report(load(folder / "bare"), folder / "bare-out")
    found = [*full, bare[1]]
    assert [path.name for path in found] == ["index.html", "duel.html", "duel.html"]
    return [path.as_uri() for path in found]


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser.Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _as_new(window):
    window.resize(1280)
    window.prefer("light")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<script>throw new Error('thrown here')</script>", "thrown here"),
        ("<script>console.error('said here')</script>", "said here"),
        ("<img src='absent.png'>", "absent.png"),
        ("<script src='absent.js'></script>", "absent.js"),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
            "<script>1</script>",
            "Content Security Policy",
        ),
    ],
)
def test_a_faulty_page_is_noticed(window, tmp_path, content, complaint):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><link rel='icon' href='data:,'>{content}")
    complaints = window.open(page.as_uri())
    assert any(complaint in each for each in complaints), complaints


def test_no_page_complains(window, pages):
    for page in pages:
        assert window.open(page) == []
        window.run(UNFOLD)
        assert window.run("return document.querySelectorAll('svg, table').length") > 2
        assert window.complaints() == []


def test_no_script_but_ours_runs(window, pages):
    """Even markup that were to slip through would find its script refused."""
    window.open(pages[1])
    window.run(
        "document.body.insertAdjacentHTML('beforeend', "
        '\'<img src="data:," onerror="document.title = 1">\');'
    )
    assert (
        window.run("return new Promise(done => setTimeout(() => done(document.title), 200))")
        != "1"
    )
    assert any("Content Security Policy" in each for each in window.complaints())


@pytest.mark.parametrize("width", [320, 360, 390, 768])
def test_no_page_scrolls_sideways(window, pages, width):
    window.resize(width)
    for page in pages:
        window.open(page)
        window.run(UNFOLD)
        assert window.run("return innerWidth") == width
        assert window.run(OVERFLOW) == []


def test_too_wide_a_page_is_noticed(window, pages):
    window.resize(360)
    window.open(pages[0])
    window.run("document.body.insertAdjacentHTML('beforeend', '<p style=\"width: 400px\">wide')")
    assert len(window.run(OVERFLOW)) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(window, pages, scheme):
    """4.5 to 1 for text and for figures on shades, 3 to 1 for the coloured names in figures."""
    window.prefer(scheme)
    for page in pages:
        window.open(page)
        window.run(UNFOLD)
        window.run(BADGES)
        assert window.run(f"return matchMedia('(prefers-color-scheme: {scheme})').matches")
        count, faint = window.run(FAINT)
        assert count > 50
        assert faint == []
    papers = window.run("return getComputedStyle(document.body).backgroundColor")
    assert (papers == "rgb(255, 255, 255)") is (scheme == "light")


def test_faint_text_is_noticed(window, pages):
    window.open(pages[0])
    window.run("document.querySelector('h1').style.color = '#999999'")
    _, faint = window.run(FAINT)
    assert len(faint) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_that_does_not_fit_its_shade_is_noticed(window, pages, scheme):
    window.prefer(scheme)
    window.open(pages[1])
    window.run(UNFOLD)
    matrix = "svg[aria-labelledby^=\"fig-confusion\"] text[style*='fill: #']"
    assert window.run(f"return document.querySelectorAll({matrix!r}).length") == 2 * 9
    dark, white = ("rgb(1, 1, 1)", "rgb(255, 255, 255)")
    swap = f"each.style.fill = getComputedStyle(each).fill === '{white}' ? '{dark}' : '{white}'"
    window.run(f"document.querySelectorAll({matrix!r}).forEach((each) => {{ {swap} }})")
    _, faint = window.run(FAINT)
    assert len(faint) >= 2 * 6
    assert all("fill: rgb" in each for each in faint)


def test_a_heading_sorts_its_table(window, pages):
    window.open(pages[1])
    before = window.run(COLUMN)
    assert before == sorted(before, reverse=True)
    assert len(set(before)) == 2
    heading = "#table-arms th:nth-child(4)"
    window.click(f"{heading} button")
    assert window.run(COLUMN) == sorted(before)
    assert window.run(f"return document.querySelector('{heading}').ariaSort") == "ascending"
    window.click(f"{heading} button")
    assert window.run(COLUMN) == sorted(before, reverse=True)
    assert window.run(f"return document.querySelector('{heading}').ariaSort") == "descending"
    window.click("#table-arms th:nth-child(1) button")
    names = window.run("return document.querySelector('#table-arms tbody th').textContent")
    assert names == "duel_cnn"
    assert window.run(f"return document.querySelector('{heading}').ariaSort") == "none"
    assert window.complaints() == []


def test_cells_without_a_figure_stay_last(window, tmp_path):
    rows.add_sweep(tmp_path, "duel_mlp")
    pages = rows.write_report(load(tmp_path), tmp_path / "out")
    window.open(pages[1].as_uri())
    last = "return document.querySelector('#table-arms tbody tr:last-child th').textContent"
    for _ in range(2):
        window.click("#table-arms th:nth-child(4) button")
        assert window.run(last) == "duel_cnn"


def test_the_index_leads_to_the_page_and_back(window, pages):
    window.open(pages[0])
    window.click("#table-claims tbody a")
    assert window.run("return location.href") == pages[1]
    window.click("nav a")
    assert window.run("return location.href") == pages[0]
    assert window.complaints() == []


def test_paper_shows_what_is_folded_and_is_light(window, pages):
    window.prefer("dark")
    window.open(pages[1])
    hidden = "return document.querySelector('details.arm figure').checkVisibility()"
    assert window.run("return document.querySelectorAll('details[open]').length") == 0
    assert window.run(hidden) is False
    window.cdp("Emulation.setEmulatedMedia", media="print")
    assert window.run("return document.querySelector('details.arm figure').offsetHeight") > 50
    assert window.run("return getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    window.cdp("Emulation.setEmulatedMedia", media="")
    assert window.pdf().startswith(b"%PDF-")
    assert window.run("return document.querySelectorAll('details[open]').length") == 0
