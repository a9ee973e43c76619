// Puts figures where they belong, and lets those that change show it.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const GLIDE = { duration: 500, easing: "cubic-bezier(.2, .7, .2, 1)" };

/** A copy of a template's content, with its slots by name. */
export function build(name) {
  const content = document.getElementById(name).content.cloneNode(true);
  return { content, slots: slotsOf(content) };
}

export function slotsOf(root) {
  const slots = {};
  for (const node of root.querySelectorAll("[data-slot]")) slots[node.dataset.slot] = node;
  return slots;
}

/** Write a text where it differs. */
export function write(node, text, title = "") {
  if (node.textContent !== text) node.textContent = text;
  if (node.title !== title) node.title = title;
}

/** Write a figure where it differs; one that was there before lights up as it changes. */
export function put(node, text, title) {
  if (node.textContent !== text && node.textContent !== "") light(node);
  write(node, text, title);
}

export function light(node) {
  node.classList.remove("moved");
  void node.offsetWidth; // so that the animation begins anew
  node.classList.add("moved");
}

/** Write a time in words, with the exact one beside. */
export function putTime(node, time, wording) {
  node.dateTime = time;
  write(node, wording(time), time);
}

/** Make a list's rows those of `items`: kept by key, filled again, gliding to their new places. */
export function syncRows(body, items, { template, key, fill }) {
  const rows = (body.rowsByKey ??= new Map());
  const before = new Map([...rows].map(([name, row]) => [name, row.element.offsetTop]));
  const wanted = new Set(items.map((item) => String(key(item))));
  for (const [name, row] of rows) {
    if (!wanted.has(name)) {
      row.element.remove();
      rows.delete(name);
    }
  }
  items.forEach((item, at) => {
    const name = String(key(item));
    const row = rows.get(name) ?? newRow(template);
    rows.set(name, row);
    fill(row.slots, item);
    if (body.children[at] !== row.element) body.insertBefore(row.element, body.children[at] ?? null);
  });
  glide(rows, before);
}

function newRow(template) {
  const { content, slots } = build(template);
  return { element: content.firstElementChild, slots };
}

function glide(rows, before) {
  if (still.matches || before.size === 0) return;
  for (const [name, { element }] of rows) {
    const from = before.get(name);
    if (from === undefined) {
      element.animate({ opacity: [0, 1] }, GLIDE);
    } else if (from !== element.offsetTop) {
      element.animate({ transform: [`translateY(${from - element.offsetTop}px)`, "none"] }, GLIDE);
    }
  }
}
