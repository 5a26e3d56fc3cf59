"""Whether a page can be read and understood by everybody, as axe-core finds it."""

from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page

AXE = Path(__file__).parents[2] / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"

# Only the rules that can find something serious: the others cost as much and would be thrown away. Colours are most of the work of
# those, and what is found of them follows from what a text looks like (its colours, size and weight, those around it, and what is
# painted behind it): of texts that look the same, on whichever page, one is measured. What was too faint is measured everywhere.
_SERIOUS = """async ([colours, measured]) => {
  const known = new Set(measured), fresh = new Set(), behind = new Map(), looks = new Map();
  const nothing = 'rgba(0, 0, 0, 0) none 1 none normal';
  const painted = (at) => {
    if (!at) return '';
    if (!behind.has(at)) {
      const { backgroundColor, backgroundImage, opacity, filter, mixBlendMode, position } = getComputedStyle(at);
      const own = [backgroundColor, backgroundImage, opacity, filter, mixBlendMode].join(' ');
      const over = ['static', 'relative'].includes(position) ? '' : position;
      behind.set(at, painted(at.parentElement) + (own === nothing && !over ? '' : `>${own} ${over}`));
    }
    return behind.get(at);
  };
  const look = (at) => {
    if (!looks.has(at)) {
      const { color, fontSize, fontWeight, textShadow, textDecorationLine } = getComputedStyle(at);
      let block = at.parentElement;
      while (block && getComputedStyle(block).display.startsWith('inline')) block = block.parentElement;
      const around = block ? getComputedStyle(block).color : '';
      looks.set(at, [color, fontSize, fontWeight, textShadow, textDecorationLine, around, painted(at)].join(' '));
    }
    return looks.get(at);
  };
  // Who must be measured does not depend on colours: where nothing else has changed, it is who had to be before.
  const asked = colours && window.asked ? window.asked : { text: new Set(), link: new Set() };
  const lacking = (what) => [...asked[what]].filter((at) => !known.has(`${what} ${look(at)}`));
  const left = { text: new Set(lacking('text')), link: new Set(lacking('link')) };
  if (colours && window.asked && !left.text.size && !left.link.size) return { found: [], fresh: [] };

  const spare = (what, rule, checks) => {
    rule.asks ??= rule.matches;
    rule.matches = (at, ...rest) => {
      if (asked === window.asked) return left[what].has(at);
      const alike = known.has(`${what} ${look(at)}`), asks = alike || rule.asks(at, ...rest);
      if (asks) asked[what].add(at);
      return asks && !alike;
    };
    for (const check of checks) {
      check.measures ??= check.evaluate;
      check.evaluate = function measure(at, ...rest) {
        const looked = `${what} ${look(at)}`, tell = this.data;
        if (fresh.has(looked)) return true;
        let told;
        this.data = (data) => { told = data; tell(data); };
        const good = check.measures.call(this, at, ...rest);
        const decorated = what === 'link' && getComputedStyle(at).textDecorationLine !== 'none';
        if (good && (told?.contrastRatio || decorated)) fresh.add(looked);
        if (told?.messageKey === 'shortTextContent') asked[what].delete(at);
        return good;
      };
    }
  };
  const { rules, checks } = axe._audit, rule = (name) => rules.find(({ id }) => id === name);
  spare('text', rule('color-contrast'), [checks['color-contrast']]);
  spare('link', rule('link-in-text-block'), [checks['link-in-text-block'], checks['link-in-text-block-style']]);
  const meant = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const grave = ({ impact, tags }) => ['serious', 'critical'].includes(impact)
    && tags.some((tag) => meant.includes(tag)) && !tags.includes('experimental') && !tags.includes('deprecated')
    && (!colours || tags.includes('cat.color'));
  const values = rules.filter(grave).map(({ id }) => id);
  if (!values.length) throw new Error('axe-core has no such rules any more');
  const { violations } = await axe.run(document, { runOnly: { type: 'rule', values }, resultTypes: ['violations'] });
  window.asked = asked;
  const told = ({ id, impact, nodes }) => nodes.map((node) => `${id} (${impact}): ${node.target} ${node.failureSummary}`);
  return { found: violations.flatMap(told), fresh: [...fresh] };
}"""


async def equip(context: BrowserContext) -> None:
    """Have axe-core in every page that is opened from now on."""
    await context.add_init_script(path=AXE)


async def breaches(page: Page, measured: set[str], *, colours: bool = False) -> list[str]:
    """Return what axe-core finds grave on a page (WCAG 2.2 A and AA); only of `colours` where nothing else has changed.

    The page is of an equipped context. `measured` are the looks of texts whose contrast is known to be enough; those of this
    page are added.
    """
    told: dict[str, Any] = await page.evaluate(_SERIOUS, [colours, sorted(measured)])
    measured.update(told["fresh"])
    found: list[str] = told["found"]
    return found
