// What is shown follows the address bar; the figures follow the chain, asked every second.

import { get, Problem } from "./api.js";
import { light, slotsOf, syncRows, write } from "./dom.js";
import { age, RUNNING, seasonName, status, whole } from "./format.js";
import { PlayerView } from "./player.js";
import { SeasonView } from "./season.js";

const POLL_MILLISECONDS = 1000;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const BAD_ADDRESS = "An address is 0x and 40 hexadecimal digits.";
const BEHIND = 1000; // events: fewer than this and the head is a moment away

const main = document.getElementById("main");
const trouble = document.querySelector(".trouble");
const search = document.querySelector(".search");
const field = document.getElementById("player");
const slots = slotsOf(document);
let view = null;
let visit = 0; // counts changes of what is shown; what an earlier one still fetched is dropped

function announce(text) {
  slots.announcement.textContent = text;
}

/** Show what the address bar asks for. */
async function open() {
  const own = ++visit;
  view = null;
  const seasons = await showSeasons();
  const next = chosen(new URLSearchParams(location.search), seasons);
  if (next === null) return wait("No season has been opened yet. This page fills as it happens.");
  const show = await next.refresh();
  if (own !== visit) return;
  next.mount(main);
  show();
  view = next;
  document.title = `${view.title} · daybook`;
  announce(`${view.title} is shown`);
}

/** The view that the address bar asks for; the running season's, or the newest's, if nothing. */
function chosen(query, seasons) {
  const player = query.get("player");
  field.value = player ?? "";
  if (player !== null) {
    if (!ADDRESS.test(player)) throw new Problem(400, BAD_ADDRESS);
    return new PlayerView(player, announce);
  }
  const running = seasons.find((season) => season.status === RUNNING) ?? seasons[0];
  const name = query.get("season") ?? (running && seasonName(running));
  return name === undefined ? null : new SeasonView(name, announce);
}

async function showSeasons() {
  const { items } = await get("/v1/seasons?limit=200");
  syncRows(slots.seasons, items, {
    template: "season-entry",
    key: seasonName,
    fill: (entry, season) => {
      entry.season.href = `/?season=${seasonName(season)}`;
      write(entry.season, season.name || `Season ${season.season_id}`);
      write(entry.status, status(season.status));
    },
  });
  return items;
}

async function showStatus() {
  const { chains, lag, stopped_fold } = await get("/v1/status");
  const newest = chains.filter((chain) => chain.block_number !== null).at(-1);
  if (newest === undefined) return;
  const block = whole(newest.block_number);
  if (slots.block.textContent !== block) light(slots.pulse);
  write(slots.block, block);
  const standing = stopped_fold
    ? "standing still"
    : lag > BEHIND
      ? `${whole(lag)} events to catch up`
      : age(newest.block_time);
  write(slots.standing, standing);
}

function wait(text) {
  if (main.querySelector(".waiting")?.textContent === text) return;
  const paragraph = document.createElement("p");
  paragraph.className = "waiting";
  paragraph.textContent = text;
  main.replaceChildren(paragraph);
}

/** Run a step; say in words what goes wrong, and leave the figures of before where they are. */
async function attempt(step) {
  try {
    await step();
    trouble.hidden = true;
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    if (problem.status === 400 || problem.status === 404) return wait(problem.message);
    trouble.hidden = false;
    write(trouble, `${problem.status ? problem.message : "The server does not answer."} Trying again…`);
  }
}

async function poll() {
  await showStatus();
  if (view === null) return open();
  const shown = view;
  const [show] = await Promise.all([shown.refresh(), showSeasons()]);
  if (shown === view) show();
}

async function go(url) {
  history.pushState(null, "", url);
  await attempt(open);
  scrollTo({ top: 0 });
  main.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-link]");
  if (link === null || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.href);
});

search.addEventListener("submit", (event) => {
  event.preventDefault();
  const player = field.value.trim();
  const valid = ADDRESS.test(player);
  write(document.getElementById("search-error"), valid ? "" : BAD_ADDRESS);
  field.setAttribute("aria-invalid", String(!valid));
  if (valid) go(`/?player=${player}`);
});

addEventListener("popstate", () => attempt(open));

for (;;) {
  if (!document.hidden) await attempt(poll);
  await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
}
