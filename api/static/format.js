// Figures as people read them. Amounts come as exact strings and stay integers (BigInt) throughout.

const WEI = 10n ** 18n;
const SHOWN_DECIMALS = 4;
const SMALLEST_SHOWN = 10n ** BigInt(18 - SHOWN_DECIMALS);

const STATUS = [
  "not started", "running", "ending", "drawing", "distributing", "completed", "cancelled",
];

export const RUNNING = 1;

/** A whole number, with its thousands apart: 12345 → "12,345". */
export function whole(value) {
  return BigInt(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** An amount in wei as SOF with four decimals at most, rounded down. */
export function sof(wei) {
  const amount = BigInt(wei);
  if (amount > 0n && amount < SMALLEST_SHOWN) return "< 0.0001";
  const decimals = (amount % WEI).toString().padStart(18, "0").slice(0, SHOWN_DECIMALS);
  const shown = decimals.replace(/0+$/, "");
  return shown ? `${whole(amount / WEI)}.${shown}` : whole(amount / WEI);
}

/** An amount in wei as SOF with every digit. */
export function exactSof(wei) {
  const amount = BigInt(wei);
  const decimals = (amount % WEI).toString().padStart(18, "0").replace(/0+$/, "");
  return `${amount / WEI}${decimals ? "." + decimals : ""} SOF`;
}

/** Hundredths of a percent: 1234 → "12.34 %". */
export function percent(bps) {
  const value = BigInt(bps);
  return `${value / 100n}.${(value % 100n).toString().padStart(2, "0")} %`;
}

/** "0x1234…abcd" */
export function short(address) {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

export function status(number) {
  return STATUS[number] ?? "unknown";
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const AGES = [[1, "s"], [60, "min"], [3600, "h"]];
const DAY_SECONDS = 86_400;

/** "12 s ago" within a day, else the date. */
export function age(time, now = Date.now()) {
  const seconds = Math.floor((now - Date.parse(time)) / 1000);
  if (seconds < 0 || seconds >= DAY_SECONDS) return CLOCK.format(new Date(time));
  const [length, unit] = AGES.findLast(([length]) => seconds >= length) ?? AGES[0];
  return `${Math.floor(seconds / length)} ${unit} ago`;
}

/** A season's name in links, which stays right when another deployment comes. */
export function seasonName({ deployment, season_id }) {
  return `${deployment}:${season_id}`;
}
