"""Whether everything on a page can be done by keyboard: each control is a stop of the Tab key, and shows that it has the focus."""

import asyncio

from playwright.async_api import Page

_PRESSES = 40  # more at a time: fields of dates have several stops each
_MOST = 12  # times that

# What a Tab must stop at: visible, enabled, one of each group of radio buttons. What looks as if it could be clicked and is no
# control is named at once. From then on each stop is noted, with whether anything around it shows the focus.
_WATCH = """() => {
  const shows = (style) => (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  const words = (at) => (at.textContent || at.name || '').trim().slice(0, 40);
  const name = (at) => `${at.tagName.toLowerCase()}${at.id ? '#' + at.id : ''} ${words(at)}`;
  const controls = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]';
  const seen = (at) => at.checkVisibility({ visibilityProperty: true }) && !at.closest('[inert]');
  const groups = new Set();
  const stops = [...document.querySelectorAll(controls)].filter((at) => {
    if (at.disabled || at.tabIndex < 0 || !seen(at)) return false;
    if (at.type !== 'radio') return true;
    const group = `${at.form?.id} ${at.name}`;
    const stop = at.checked || ![...document.getElementsByName(at.name)].some((other) => other.form === at.form && other.checked);
    return stop && !groups.has(group) && groups.add(group);
  });
  window.stops = new Set(stops);
  window.hidden = new Set();
  document.addEventListener('focusin', ({ target }) => {
    window.stops.delete(target);
    const around = [target, target.closest('label'), target.parentElement, target.nextElementSibling, ...target.children];
    if (stops.includes(target) && !around.some((each) => each && shows(getComputedStyle(each)))) window.hidden.add(name(target));
  });
  window.left = () => [...window.stops].filter((at) => at.isConnected && seen(at)).map(name);
  const pointed = [...document.body.querySelectorAll('*')].filter((at) => seen(at) && getComputedStyle(at).cursor === 'pointer');
  return pointed.filter((at) => !at.closest(`${controls}, label`)).map((at) => `mouse only: ${name(at)}`);
}"""


async def beyond_the_keyboard(page: Page) -> list[str]:
    """Return the controls of a page that the Tab key does not reach, that do not show the focus, or that only a mouse can use."""
    await page.evaluate("document.activeElement?.blur()")
    wrong: list[str] = await page.evaluate(_WATCH)
    left: list[str] = await page.evaluate("window.left()")
    for _ in range(_MOST):
        if not left:
            break
        held = min(len(left) + 1, _PRESSES)
        await asyncio.gather(*(page.keyboard.down("Tab") for _ in range(held)))  # held down, the key repeats
        await page.keyboard.up("Tab")
        left = await page.evaluate("window.left()")
    unseen: list[str] = await page.evaluate("[...window.hidden].map((at) => `no focus shown: ${at}`)")
    return [*wrong, *(f"no stop: {each}" for each in left), *unseen]
