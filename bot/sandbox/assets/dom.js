// Owns small things about elements: making them, toasts, dates and sizes in words.

// Makes an element; children are nodes or texts, and texts stay texts.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const find = (selector, root = document) => root.querySelector(selector);

let hiding = 0;
export function toast(text, seconds = 3) {
  const box = find("#toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, seconds * 1000);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", {});
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(`Copied: ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`);
}

const form = (options) => new Intl.DateTimeFormat(navigator.language, options);
const CLOCK = form({ hour: "2-digit", minute: "2-digit" });
const DAY = form({ day: "numeric", month: "long" });
const DAY_YEAR = form({ day: "numeric", month: "long", year: "numeric" });

export const clock = (unix) => CLOCK.format(unix * 1000);

export function day(unix) {
  const at = new Date(unix * 1000);
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return "Today";
  return (at.getFullYear() === now.getFullYear() ? DAY : DAY_YEAR).format(at);
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

export function initials(name) {
  return name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
}
