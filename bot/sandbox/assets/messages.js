// Owns the list of messages: bubbles, albums, buttons; what did not change keeps its element.
import { clock, copy, day, el, size, toast } from "./dom.js";
import { formatted } from "./entities.js";
import { fileUrl } from "./net.js";

const TOGETHER_SECONDS = 300;

export class MessageList {
  // `acts` has: press, react, tapped, view, popup; `me()` gives the reader's id, `grouped()` whether names matter
  constructor(root, acts) {
    this.root = root;
    this.acts = acts;
    this.known = new Map();
  }

  show(messages) {
    const kept = new Map();
    const nodes = [];
    let before = null;
    for (const block of blocks(messages)) {
      const first = block[0];
      if (!before || day(before.date) !== day(first.date)) nodes.push(this.separator(first, kept));
      const joined = before !== null && before.from.id === first.from.id && first.date - before.date < TOGETHER_SECONDS
        && day(before.date) === day(first.date);
      const look = JSON.stringify([block, joined, this.acts.me(), this.acts.grouped()]);
      const old = this.known.get(first.message_id);
      const made = old?.look === look ? old : { look, node: this.row(block, joined) };
      kept.set(first.message_id, made);
      nodes.push(made.node);
      before = block.at(-1);
    }
    this.known = kept;
    this.root.replaceChildren(...nodes);
  }

  separator(message, kept) {
    const key = `day ${day(message.date)}`;
    const node = this.known.get(key)?.node ?? el("div", { class: "day" }, day(message.date));
    kept.set(key, { look: "", node });
    return node;
  }

  row(block, joined) {
    const [message] = block;
    const mine = message.from.id === this.acts.me();
    const row = el("div", { class: `row${mine ? " mine" : ""}${joined ? " joined" : ""}`, "data-id": message.message_id }, this.bubble(block, mine, joined));
    if (message.reply_markup) row.append(this.keys(message));
    row.firstChild.addEventListener("contextmenu", (event) => {
      if (event.target.closest("a")) return;
      event.preventDefault();
      this.acts.popup(message, event.clientX, event.clientY);
    });
    row.firstChild.addEventListener("dblclick", () => this.acts.react(message, "👍"));
    return row;
  }

  bubble(block, mine, joined) {
    const [message] = block;
    const media = block.some((one) => one.photo || one.document);
    const bubble = el("div", { class: `bubble${media ? " media" : ""}${block.some((one) => one.photo) ? " wide" : media ? " files" : ""}` });
    if (this.acts.grouped() && !mine && !joined) bubble.append(el("span", { class: "sender" }, message.from.first_name));
    if (message.reply_to_message) bubble.append(quoted(message.reply_to_message));
    const captions = block.filter((one) => one.caption);
    const parts = [];
    if (media) parts.push(this.media(block));
    const told = captions.length === 1 || block.length === 1 ? captions[0] ?? message : message;
    const text = message.text ?? (captions.length === 1 ? told.caption : "");
    if (text) {
      const marks = message.text ? message.entities : told.caption_entities;
      parts.push(el("div", { class: "body" }, ...formatted(text, marks, this.acts.tapped), meta(message)));
    }
    if (told.show_caption_above_media) parts.reverse();
    bubble.append(...parts);
    if (!text) bubble.append(meta(message));
    if (message.reactions?.length) bubble.append(this.reactions(message));
    return bubble;
  }

  media(block) {
    const photos = block.filter((one) => one.photo);
    const box = el("div", { class: "parts" });
    if (photos.length === 1) box.append(el("div", { class: "single" }, this.photo(photos[0])));
    if (photos.length > 1) {
      const shapes = tiles(photos.length);
      box.append(el("div", { class: "album" }, ...photos.map((one, place) => this.photo(one, shapes[place]))));
    }
    for (const one of block.filter((one) => one.document)) box.append(file(one.document));
    return box;
  }

  photo(message, shape = "") {
    const largest = message.photo.at(-1);
    const image = el("img", { src: fileUrl(largest.file_id), width: largest.width, height: largest.height, alt: message.caption ?? "Photo" });
    const open = (event) => {
      const { classList } = event.currentTarget;
      if (classList.contains("hidden")) classList.remove("hidden");
      else this.acts.view(message);
    };
    const hidden = message.has_media_spoiler ? " hidden" : "";
    return el("button", { class: `photo ${shape}${hidden}`, type: "button", "aria-label": "Open photo", onclick: open }, image);
  }

  reactions(message) {
    const own = String(this.acts.me());
    return el("div", { class: "reactions" }, ...message.reactions.map(({ emoji, by }) => el(
      "button",
      { type: "button", class: by.includes(own) ? "own" : "", onclick: () => this.acts.react(message, emoji) },
      by.length > 1 ? `${emoji} ${by.length}` : emoji,
    )));
  }

  keys(message) {
    const rows = message.reply_markup.inline_keyboard.map((line, row) => el(
      "div", {}, ...line.map((button, column) => this.key(message, button, row, column)),
    ));
    return el("div", { class: "keys" }, ...rows);
  }

  key(message, button, row, column) {
    const attributes = { type: "button", class: button.style ?? "" };
    if (button.url) {
      return el("a", { class: attributes.class, href: button.url, target: "_blank", rel: "noopener noreferrer", title: button.url }, button.text, el("small", { "aria-hidden": "true" }, "↗"));
    }
    if (button.copy_text) {
      return el("button", { ...attributes, onclick: () => copy(button.copy_text.text) }, button.text, el("i", { class: "copies", "aria-hidden": "true" }));
    }
    if (button.disabled) return el("button", { ...attributes, disabled: true }, button.text);
    if (button.callback_data === undefined) {
      return el("button", { ...attributes, onclick: () => toast("This kind of button works in Telegram only.") }, button.text);
    }
    const press = (event) => this.acts.press(message, row, column, event.currentTarget);
    return el("button", { ...attributes, onclick: press }, button.text);
  }
}

// Gives the shapes of an album's tiles so that every row is full: one, two or three in a row.
function tiles(count) {
  if (count === 3) return ["whole", "half", "half"];
  const halves = count <= 4 ? count : [0, 4, 2][count % 3];
  return Array.from({ length: count }, (_, place) => (place < halves ? "half" : "third"));
}

// Puts the parts of an album together; everything else stands alone.
function blocks(messages) {
  const made = [];
  for (const message of messages) {
    const last = made.at(-1);
    const same = message.media_group_id && last?.[0].media_group_id === message.media_group_id;
    if (same) last.push(message); else made.push([message]);
  }
  return made;
}

function meta(message) {
  const edited = message.edit_date ? "edited " : "";
  return el("span", { class: "meta", title: new Date(message.date * 1000).toLocaleString() }, edited + clock(message.date));
}

function quoted(message) {
  const text = message.text ?? message.caption ?? (message.photo ? "Photo" : message.document?.file_name ?? "Message");
  return el("span", { class: "quoted" }, el("b", {}, message.from.first_name), el("span", {}, text));
}

function file(document) {
  const ending = document.file_name.includes(".") ? document.file_name.split(".").at(-1).slice(0, 4) : "file";
  const name = document.file_name.split(/(?<=[_.\-])/).flatMap((part) => [part, el("wbr")]);
  return el(
    "a", { class: "file", href: fileUrl(document.file_id, true), download: document.file_name },
    el("i", { "aria-hidden": "true" }, ending),
    el("span", {}, el("b", {}, ...name), el("span", { class: "muted" }, size(document.file_size))),
  );
}
