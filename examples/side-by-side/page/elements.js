/**
 * An element with attributes and children; text is text, whatever it says.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Readonly<Record<string, string | number>>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** The part of a section that its HTML names `data-part`. @template {Element} [T=HTMLElement] @param {Element} section @param {string} name @returns {T} */
export function part(section, name) {
  const found = section.querySelector(`[data-part="${name}"]`);
  if (!found) throw new Error(`the page has no part "${name}"`);
  return /** @type {T} */ (found);
}

/** A bar that is `share` of its track. @param {string} kind  original | compressed @param {number} share */
export function bar(kind, share) {
  const fill = element('i', { class: kind });
  fill.style.width = `${Math.min(1, Math.max(share > 0 ? 0.004 : 0, share)) * 100}%`;
  return element('span', { class: 'track', 'aria-hidden': 'true' }, fill);
}

/** Calls at most once while calls keep coming. @param {() => void} action @param {number} milliseconds */
export function calmly(action, milliseconds) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}
