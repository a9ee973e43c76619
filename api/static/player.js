// A portfolio: who it is, what they hold, and how it came about.

import { get, List } from "./api.js";
import { build, put, putTime, syncRows, write } from "./dom.js";
import { age, exactSof, percent, seasonName, short, sof, status, whole } from "./format.js";
import { fillKind } from "./season.js";

const HISTORY_PAGE = 25;

export class PlayerView {
  #slots;
  #history;

  constructor(player, announce) {
    this.player = player.toLowerCase();
    this.path = `/v1/players/${encodeURIComponent(this.player)}`;
    this.announce = announce;
    this.#history = new List(`${this.path}/trades`, {
      limit: HISTORY_PAGE,
      key: (trade) => trade.position,
    });
  }

  mount(main) {
    const { content, slots } = build("player-view");
    this.#slots = slots;
    slots["more-history"].addEventListener("click", () => this.#showOlder());
    main.replaceChildren(content);
  }

  get title() {
    return short(this.player);
  }

  async refresh() {
    const [player, positions] = await Promise.all([
      get(this.path),
      get(`${this.path}/positions?limit=200`),
      this.#history.refresh(),
    ]);
    return () => this.#show(player, positions.items);
  }

  #show(player, positions) {
    const slots = this.#slots;
    write(slots.player, player.player);
    this.#showLinked(player);
    put(slots["seasons-played"], whole(player.seasons));
    put(slots.trades, whole(player.trades));
    put(slots.spent, sof(player.spent_wei), exactSof(player.spent_wei));
    put(slots.received, sof(player.received_wei), exactSof(player.received_wei));
    slots["no-positions"].hidden = positions.length > 0;
    syncRows(slots.positions, positions, {
      template: "player-position",
      key: (position) => `${position.deployment}:${position.season_id}:${position.player}`,
      fill: (row, position) => fillPosition(row, position, this.player),
    });
    this.#showHistory();
  }

  #showLinked({ owner, accounts, linked, player }) {
    const others = linked.filter((address) => address !== player);
    const role = owner ? "Smart account of" : accounts.length ? "With its smart account" : "";
    const text = others.length ? `${role} ${others.map(short).join(", ")}` : "";
    write(this.#slots.linked, text, others.join(", "));
  }

  #showHistory() {
    const slots = this.#slots;
    slots["no-history"].hidden = this.#history.items.length > 0;
    slots["more-history"].hidden = !this.#history.more;
    syncRows(slots.history, this.#history.items, {
      template: "player-trade",
      key: (trade) => trade.position,
      fill: fillTrade,
    });
  }

  async #showOlder() {
    const count = await this.#history.extend();
    this.#showHistory();
    this.announce(`${count} older trades shown`);
  }
}

function fillPosition(slots, position, player) {
  slots.season.href = `/?season=${seasonName(position)}`;
  write(slots.season, position.season_name || `Season ${position.season_id}`);
  const held = position.player === player ? "" : ` · held by ${short(position.player)}`;
  put(slots.status, `${status(position.status)}${held}`);
  put(slots.tickets, whole(position.tickets));
  put(slots.rank, position.rank === null ? "none held" : `rank ${whole(position.rank)}`);
  write(slots.chance, position.rank === null ? "–" : percent(position.probability_bps));
  slots.bar.style.setProperty("--part", Number(position.probability_bps ?? 0) / 10_000);
  put(slots.spent, sof(position.spent_wei), exactSof(position.spent_wei));
  put(slots.received, `+ ${sof(position.received_wei)}`, exactSof(position.received_wei));
}

function fillTrade(slots, trade) {
  fillKind(slots.what, trade);
  slots.season.href = `/?season=${seasonName(trade)}`;
  write(slots.season, `Season ${trade.season_id}`);
  putTime(slots.time, trade.block_time, age);
  write(slots.before, whole(trade.tickets_before));
  write(slots.after, whole(trade.tickets_after));
  const sign = trade.kind === "BUY" ? "−" : "+";
  write(slots.sof, `${sign} ${sof(trade.sof_wei)}`, exactSof(trade.sof_wei));
  write(slots.price, sof(trade.price_per_ticket_wei), exactSof(trade.price_per_ticket_wei));
  write(slots.tx, short(trade.tx_hash), trade.tx_hash);
  write(slots["tx-narrow"], short(trade.tx_hash), trade.tx_hash);
  write(slots.block, `block ${whole(trade.block_number)}`);
}
