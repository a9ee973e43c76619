// Asks the api, and knows when nothing has changed since it last asked.

const answers = new Map(); // by path: the answer and its ETag
const KEPT_ANSWERS_MAX = 32;

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The answer's JSON; the very same object for as long as it has not changed. */
export async function get(path) {
  const known = answers.get(path);
  const headers = known?.etag ? { "If-None-Match": known.etag } : {};
  const response = await fetch(path, { headers, cache: "no-store" });
  if (response.status === 304) return known.content;
  const content = await response.json();
  if (!response.ok) throw new Problem(response.status, content.detail);
  keep(path, { etag: response.headers.get("ETag"), content });
  return content;
}

function keep(path, answer) {
  answers.delete(path);
  answers.set(path, answer);
  if (answers.size > KEPT_ANSWERS_MAX) answers.delete(answers.keys().next().value);
}

/** A list that is read page by page, and whose first page is read again as time goes by. */
export class List {
  #items = [];
  #next = null;
  #first = null;

  constructor(path, { limit, key }) {
    this.path = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}`;
    this.key = key;
  }

  get items() {
    return this.#items;
  }

  get more() {
    return this.#next !== null;
  }

  /** Read the first page again. What stood between its ends is replaced by what stands there now. */
  async refresh() {
    const page = await get(this.path);
    if (page === this.#first) return page;
    const keys = new Set(page.items.map(this.key));
    const last = this.#items.findLastIndex((item) => keys.has(this.key(item)));
    const older = page.next === null || last < 0 ? [] : this.#items.slice(last + 1);
    if (older.length === 0) this.#next = page.next;
    this.#items = [...page.items, ...older];
    this.#first = page;
    return page;
  }

  /** Read the next page. */
  async extend() {
    const page = await get(`${this.path}&cursor=${this.#next}`);
    const keys = new Set(this.#items.map(this.key));
    this.#items = [...this.#items, ...page.items.filter((item) => !keys.has(this.key(item)))];
    this.#next = page.next;
    return page.items.length;
  }
}
