// Elements, made of text and attributes and never of HTML; and updates that keep focus, selection and what is open.

const SVG = 'http://www.w3.org/2000/svg';
/** Attributes that are properties, because the user changes them too. */
const PROPERTIES = new Set(['checked', 'disabled', 'indeterminate', 'value']);
const CONTROLS = 'a[href], button:not([disabled]), input:not([disabled]), select, summary';

/** Returns an element. Functions are handlers; `key` names the element among its siblings, `keep` protects its content. */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

/** Returns an element of a drawing. */
export const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

function fill(element, props, children) {
  element.own = {};
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) {
      if (PROPERTIES.has(name)) element.own[name] = false;
    } else if (name === 'key' || name === 'keep') element[name] = value;
    else if (typeof value === 'function' || PROPERTIES.has(name)) element[name] = element.own[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...nodes(children));
  return element;
}

/** Returns nodes of what may be text, numbers, lists, or absent. */
function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== '')
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/** Makes these the children of the element, changing only what differs. */
export function update(root, ...children) {
  const place = placeOf(root);
  morphChildren(root, nodes(children));
  if (place) restore(root, place);
}

function morphChildren(parent, wanted) {
  const keys = new Set(wanted.map((node) => node.key).filter(Boolean));
  const known = new Map();
  for (const child of [...parent.childNodes]) {
    if (child.key && !keys.has(child.key)) child.remove();
    else if (child.key) known.set(child.key, child);
  }
  let at = parent.firstChild;
  for (const node of wanted) {
    const found = node.key ? known.get(node.key) : at && !at.key && isLike(at, node) ? at : null;
    if (found && isLike(found, node)) {
      if (found === at) at = at.nextSibling;
      else parent.insertBefore(found, at);
      morph(found, node);
    } else {
      parent.insertBefore(node, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const isLike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

function morph(node, wanted) {
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.data !== wanted.data) node.data = wanted.data;
    return;
  }
  for (const { name } of [...node.attributes]) {
    // What the user opened stays open.
    if (!wanted.hasAttribute(name) && name !== 'open') node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value && name !== 'open') node.setAttribute(name, value);
  }
  for (const name of Object.keys(node.own)) if (!(name in wanted.own)) node[name] = PROPERTIES.has(name) ? '' : null;
  for (const [name, value] of Object.entries(wanted.own)) {
    // The user may be typing.
    if (node[name] !== value && !(name === 'value' && node === document.activeElement)) node[name] = value;
  }
  node.own = wanted.own;
  if (!wanted.keep) morphChildren(node, [...wanted.childNodes]);
}

/** Returns where the focus is: the control, and its row's position in the list. */
function placeOf(root) {
  const control = document.activeElement;
  if (!root.contains(control) || control === root) return null;
  const row = control.closest('[data-row]');
  const list = row?.closest('[data-rows]');
  return {
    control,
    list,
    at: list ? [...list.querySelectorAll('[data-row]')].indexOf(row) : 0,
    nth: row ? [...row.querySelectorAll(CONTROLS)].indexOf(control) : 0,
  };
}

/** Moves the focus to the next row when its own is gone, and to the heading when there is none. */
function restore(root, { control, list, at, nth }) {
  if (control.isConnected && !control.disabled) return;
  const rows = list?.isConnected ? [...list.querySelectorAll('[data-row]')] : [];
  const row = rows[Math.min(at, rows.length - 1)];
  const controls = row ? [...row.querySelectorAll(CONTROLS)] : [];
  (controls[nth] ?? controls[0] ?? root.querySelector('h1'))?.focus();
}
