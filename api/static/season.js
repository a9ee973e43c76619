// A season: its figures, its leaderboard, its latest trades.

import { get, List } from "./api.js";
import { build, put, putTime, syncRows, write } from "./dom.js";
import { age, exactSof, percent, RUNNING, short, sof, status, whole } from "./format.js";

const HOLDERS_STEP = 20;
const HOLDERS_MAX = 200;
const RECENT_TRADES = 12;

export class SeasonView {
  #slots;
  #holders = HOLDERS_STEP;
  #trades;

  /** @param name of the season, as the api's paths have it */
  constructor(name, announce) {
    this.path = `/v1/seasons/${encodeURIComponent(name)}`;
    this.announce = announce;
    this.#trades = new List(`${this.path}/trades`, {
      limit: RECENT_TRADES,
      key: (trade) => trade.position,
    });
  }

  mount(main) {
    const { content, slots } = build("season-view");
    this.#slots = slots;
    slots["more-holders"].addEventListener("click", () => this.#showMore());
    main.replaceChildren(content);
  }

  async refresh() {
    const [season, board, trades] = await Promise.all([
      get(this.path),
      get(`${this.path}/leaderboard?limit=${this.#holders}`),
      this.#trades.refresh(),
    ]);
    return () => this.#show(season, board, trades);
  }

  get title() {
    return this.#slots.name.textContent;
  }

  #show(season, board, trades) {
    const slots = this.#slots;
    const open = season.status <= RUNNING;
    write(slots.label, `Season ${season.season_id}`);
    put(slots.status, status(season.status));
    slots.status.dataset.status = season.status_name;
    write(slots.name, season.name || `Season ${season.season_id}`);
    write(slots["pool-label"], open ? "In the curve" : "Prize pool");
    const pool = open ? season.reserves_wei : season.prize_pool_wei;
    put(slots.pool, sof(pool), exactSof(pool));
    put(slots.tickets, whole(season.total_tickets));
    put(slots.players, whole(season.total_participants));
    const price = season.last_price_wei;
    put(slots.price, price === null ? "–" : sof(price), price === null ? "" : exactSof(price));
    put(slots.trades, whole(season.trades));
    this.#showWinners(season.winners);
    this.#showHolders(board);
    slots["no-trades"].hidden = trades.items.length > 0;
    syncRows(slots["season-trades"], trades.items, {
      template: "season-trade",
      key: (trade) => trade.position,
      fill: fillTrade,
    });
  }

  #showWinners(winners) {
    this.#slots.winners.hidden = winners.length === 0;
    if (winners.length === 0 || this.#slots.winners.childElementCount === winners.length) return;
    const links = winners.flatMap((winner, at) => {
      const link = document.createElement("a");
      link.dataset.link = "";
      linkPlayer(link, winner);
      return at ? [", ", link] : [link];
    });
    this.#slots.winners.replaceChildren("Won by ", ...links);
  }

  #showHolders(board) {
    const slots = this.#slots;
    slots["no-holders"].hidden = board.items.length > 0;
    slots["more-holders"].hidden = board.next === null || this.#holders >= HOLDERS_MAX;
    syncRows(slots.holders, board.items, {
      template: "season-holder",
      key: (holder) => holder.player,
      fill: (row, holder) => fillHolder(row, holder, board.items[0]),
    });
  }

  async #showMore() {
    this.#holders = Math.min(HOLDERS_MAX, this.#holders * 3);
    const show = await this.refresh();
    show();
    this.announce(`${this.#slots.holders.rows.length} holders shown`);
  }
}

function fillHolder(slots, holder, leader) {
  put(slots.rank, whole(holder.rank));
  linkPlayer(slots.player, holder.player);
  put(slots.tickets, whole(holder.tickets));
  write(slots.chance, percent(holder.probability_bps));
  const part = Number(holder.probability_bps) / (Number(leader.probability_bps) || 1);
  slots.bar.style.setProperty("--part", part);
}

function fillTrade(slots, trade) {
  fillKind(slots.what, trade);
  linkPlayer(slots.player, trade.player);
  putTime(slots.time, trade.block_time, age);
  write(slots.sof, sof(trade.sof_wei), exactSof(trade.sof_wei));
  write(slots.price, sof(trade.price_per_ticket_wei), exactSof(trade.price_per_ticket_wei));
}

export function fillKind(node, { kind, tickets }) {
  node.dataset.kind = kind;
  write(node, `${kind === "BUY" ? "Bought" : "Sold"} ${whole(tickets)}`);
}

function linkPlayer(link, player) {
  link.href = `/?player=${player}`;
  write(link, short(player), player);
}
