// Owns formatted text: entities become elements, the text itself only ever becomes text nodes.
import { copy, el } from "./dom.js";

const TAGS = { bold: "b", italic: "i", underline: "u", strikethrough: "s" };
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const SAFE = /^(https?|tg|ton|mailto|tel):/i;

// Gives the nodes of a text; `tapped` is called with a bot command somebody taps.
export function formatted(text, entities, tapped) {
  const sorted = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return nodes(text, 0, text.length, sorted, tapped);
}

function nodes(text, start, end, entities, tapped) {
  const made = [];
  const waiting = [...entities];
  let at = start;
  while (waiting.length) {
    const entity = waiting.shift();
    const from = Math.max(entity.offset, at);
    const to = Math.min(entity.offset + entity.length, end);
    if (to <= from) continue;
    if (from > at) made.push(text.slice(at, from));
    const inside = [];
    while (waiting.length && waiting[0].offset < to) {
      const other = waiting.shift();
      const last = other.offset + other.length;
      inside.push(other);
      // what reaches over the end goes on behind it
      if (last > to) waiting.unshift({ ...other, offset: to, length: last - to });
      if (last > to) break;
    }
    made.push(element(entity, text.slice(from, to), nodes(text, from, to, inside, tapped), tapped));
    // a block ends its own line
    at = BLOCKS.has(entity.type) && text[to] === "\n" && to < end ? to + 1 : to;
  }
  if (at < end) made.push(text.slice(at, end));
  return made;
}

function element(entity, plain, inside, tapped) {
  if (TAGS[entity.type]) return el(TAGS[entity.type], {}, ...inside);
  switch (entity.type) {
    case "code":
      return el("code", { title: "Copy", onclick: () => copy(plain) }, ...inside);
    case "pre":
      return el("pre", { "data-language": entity.language }, el("code", { title: "Copy", onclick: () => copy(plain) }, ...inside));
    case "spoiler":
      return el("span", { class: "spoiler", onclick: (event) => event.currentTarget.classList.add("shown") }, ...inside);
    case "blockquote":
    case "expandable_blockquote":
      return quote(entity, plain, inside);
    case "text_link":
      return link(entity.url, inside);
    case "url":
      return link(plain, inside);
    case "email":
      return link(`mailto:${plain}`, inside);
    case "date_time":
      return moment(entity, inside);
    case "bot_command":
      return el("button", { class: "tap", type: "button", onclick: () => tapped(plain) }, ...inside);
    default:
      return el("span", { class: entity.type === "custom_emoji" ? "" : "tap" }, ...inside);
  }
}

function link(url, inside) {
  const href = SAFE.test(url) ? url : "#";
  return el("a", { href, target: "_blank", rel: "noopener noreferrer", title: url }, ...inside);
}

function quote(entity, plain, inside) {
  const body = el("span", { class: "inner" }, ...inside);
  const folds = entity.type === "expandable_blockquote" && (plain.length > 150 || plain.split("\n").length > 3);
  if (!folds) return el("blockquote", {}, body);
  const turn = (event) => event.currentTarget.classList.toggle("open");
  return el("blockquote", { class: "folds", title: "Show all", onclick: turn }, body);
}

function moment(entity, inside) {
  const at = new Date(entity.unix_time * 1000);
  const how = entity.date_time_format ?? "";
  const whole = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  return el("time", { datetime: at.toISOString(), title: whole }, ...(how ? [inWords(at, how)] : inside));
}

function inWords(at, how) {
  if (how === "r") return relative(at);
  const options = {};
  if (how.includes("w")) options.weekday = /[D]/.test(how) ? "long" : "short";
  if (how.includes("d")) Object.assign(options, { day: "2-digit", month: "2-digit", year: "2-digit" });
  if (how.includes("D")) Object.assign(options, { day: "numeric", month: "long", year: "numeric" });
  if (/[tT]/.test(how)) Object.assign(options, { hour: "2-digit", minute: "2-digit" });
  if (how.includes("T")) options.second = "2-digit";
  return new Intl.DateTimeFormat(navigator.language, options).format(at);
}

function relative(at) {
  const seconds = (at - Date.now()) / 1000;
  const words = new Intl.RelativeTimeFormat(navigator.language, { numeric: "auto" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units[3];
  return words.format(Math.round(seconds / length), unit);
}
