// Owns the page: what it knows, what the events change, and who is writing in which chat.
import { Composer, face } from "./composer.js";
import { copy, el, find, toast } from "./dom.js";
import { formatted } from "./entities.js";
import { MessageList } from "./messages.js";
import { Refusal, fileUrl, follow, get, post } from "./net.js";

const BUSY = { typing: "typing…", upload_photo: "sending a photo…", upload_document: "sending a file…" };
const EMOJI = ["👍", "👎", "❤", "🔥", "🎉", "🤔"];
const ANSWER_SECONDS = 15;
const NEAR_THE_END = 120;
const KEPT = 500;

const page = {
  state: null, wanted: 0, chatId: Number(localStorage.getItem("chat")) || 0, actorId: 0, unread: new Map(),
  pressed: new Map(), early: new Map(), fresh: 0, busy: 0, line: true, recent: [],
};
const pane = find("#messages");
const isGroup = () => page.chatId < 0;
const me = () => page.actorId || page.chatId;
const group = () => page.state.groups.find(({ id }) => id === page.chatId);
const person = () => page.state.people.find(({ id }) => id === page.chatId);
const who = () => ({ user_id: me(), chat_id: page.chatId });
const attempt = (call) => call.catch((refusal) => { toast(refusal.message); });

const list = new MessageList(pane, {
  me, grouped: isGroup, press, react, popup, view,
  tapped: (command) => attempt(send(command)),
});
const composer = new Composer({ send, fields: who });

async function load(chatId) {
  page.wanted = chatId;
  const state = await get("state", chatId ? { chat_id: chatId } : {}).catch((refusal) => {
    if (refusal instanceof Refusal) return get("state"); // a chat of an older sandbox
    throw refusal;
  });
  if (page.wanted !== chatId) return; // another chat was opened meanwhile
  const moved = state.chat_id !== page.chatId || !page.state;
  page.state = state;
  page.chatId = page.wanted = state.chat_id;
  if (moved) {
    page.actorId = isGroup() ? group().members[0] : 0;
    page.busy = 0;
    find("#toast").hidden = true;
    composer.reply(null);
  }
  localStorage.setItem("chat", page.chatId);
  page.unread.delete(page.chatId);
  composer.setCommands(state.commands);
  drawFrame();
  draw(true);
  page.recent.filter((event) => event.number > state.number && event.chat_id === page.chatId).forEach(retold);
}

// A state that was on its way while something was said knows nothing of it.
function retold(event) {
  if (event.type === "message" || event.type === "deleted") heard(event);
}

function remember(event) {
  page.recent.push(event);
  if (page.recent.length > KEPT) page.recent.shift();
}

function draw(toEnd = false) {
  const near = pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR_THE_END;
  list.show(page.state.messages);
  if (!page.state.messages.length) pane.append(el("p", { class: "empty" }, page.state.bot.description || "No messages here yet."));
  if (toEnd || near) scrollToEnd();
  const begun = page.state.messages.length > 0 || isGroup();
  const blocked = person()?.blocked ?? false;
  find("#start").hidden = begun && !blocked;
  find("#start").textContent = blocked ? "Unblock" : "Start";
  // Unlike a phone, an empty chat can be typed into: the owner's code comes behind /start.
  find("#composer").hidden = blocked;
}

function scrollToEnd() {
  pane.scrollTop = pane.scrollHeight;
  page.fresh = 0;
  drawDown();
}

function drawDown() {
  const away = pane.scrollHeight - pane.scrollTop - pane.clientHeight > NEAR_THE_END;
  if (!away) page.fresh = 0;
  find("#down").hidden = !away;
  find("#fresh").textContent = page.fresh || "";
}

function drawFrame() {
  const { bot, people, groups, online } = page.state;
  const name = isGroup() ? group().title : bot.first_name;
  find("#title").textContent = name;
  const picture = face(isGroup() ? page.chatId : 0, name);
  picture.id = "face";
  find("#face").replaceWith(picture);
  drawStatus();
  find("#offline").hidden = online && page.line;
  find("#offline").textContent = page.line
    ? "No bot is listening. Messages wait until one starts."
    : "The sandbox does not answer. Is it still running?";
  find("#block").hidden = isGroup();
  find("#block").textContent = person()?.blocked ? "Unblock" : "Block";
  find("#as").hidden = !isGroup();
  const names = new Map(people.map((one) => [one.id, one.first_name]));
  if (isGroup()) {
    find("#actor").replaceChildren(...group().members.map((id) => el("option", { value: id, selected: id === me() }, names.get(id))));
  }
  find("#chats").replaceChildren(
    ...people.map((one) => chatRow(one.id, one.first_name, aboutPerson(one))),
    ...groups.map((one) => chatRow(one.id, one.title, `group of ${one.members.length} and the bot`)),
  );
}

function drawStatus() {
  const status = find("#status");
  const busy = page.busy > Date.now();
  const mine = isGroup() ? `group · ${group().members.length + 1} members` : `you are ${person().first_name}`;
  status.textContent = busy ? page.doing : `${page.state.online ? "online" : "offline"} · ${mine}`;
  status.classList.toggle("busy", busy);
}

function aboutPerson(one) {
  const doing = one.blocked ? "blocked the bot" : one.started ? "started" : "not started";
  return `${one.id} · ${doing}`;
}

function chatRow(id, name, about) {
  const count = page.unread.get(id);
  const open = () => { find("#side").classList.remove("open"); find("#shade").hidden = true; attempt(load(id)); };
  return el(
    "button", { type: "button", "aria-current": String(id === page.chatId), onclick: open },
    face(id, name), el("div", {}, el("strong", {}, name), el("span", { class: "muted" }, about)),
    count ? el("span", { class: "count" }, String(count)) : null,
  );
}

function heard(event) {
  const here = event.chat_id === page.chatId;
  if (event.type === "reset" || event.type === "people" || event.type === "commands") attempt(load(page.wanted));
  else if (event.type === "message") onMessage(event, here);
  else if (event.type === "deleted" && here) {
    page.state.messages = page.state.messages.filter((one) => one.message_id !== event.message_id);
    draw();
  } else if (event.type === "action" && here) {
    page.busy = Date.now() + 5000;
    page.doing = BUSY[event.action] ?? "busy…";
    drawStatus();
    setTimeout(drawStatus, 5100);
  } else if (event.type === "answer" && event.user_id === me()) answered(event);
  else if (event.type === "online") { page.state.online = event.online; drawFrame(); }
}

function onMessage({ message, chat_id: chatId }, here) {
  const fromBot = message.from.is_bot;
  if (!here) {
    if (fromBot && !message.edit_date) page.unread.set(chatId, (page.unread.get(chatId) ?? 0) + 1);
    drawFrame();
    return;
  }
  const { messages } = page.state;
  const place = messages.findIndex((one) => one.message_id === message.message_id);
  if (place >= 0) messages[place] = message;
  else {
    messages.push(message);
    if (messages.length > KEPT) messages.shift();
    messages.sort((one, other) => one.message_id - other.message_id);
    if (fromBot) { page.busy = 0; page.fresh += 1; drawStatus(); }
  }
  draw(place < 0 && message.from.id === me());
  drawDown();
}

async function send(text, replyTo = 0) {
  await post("send", { ...who(), text, reply_to: replyTo });
}

async function react(message, emoji) {
  const own = message.reactions?.filter(({ by }) => by.includes(String(me()))).map((one) => one.emoji) ?? [];
  await attempt(post("react", { ...who(), message_id: message.message_id, emoji: own.includes(emoji) ? [] : [emoji] }));
}

async function press(message, row, column, button) {
  if (button.classList.contains("waiting")) return;
  button.classList.add("waiting");
  const done = () => button.classList.remove("waiting");
  try {
    const { query_id: query } = await post("press", { ...who(), message_id: message.message_id, row, column });
    page.pressed.set(query, done);
    // the answer may have come before the press itself returned
    if (page.early.has(query)) answered(page.early.get(query));
    setTimeout(() => { page.pressed.delete(query); done(); }, ANSWER_SECONDS * 1000);
  } catch (refusal) {
    done();
    toast(refusal.message);
  }
}

function answered(event) {
  const done = page.pressed.get(event.query_id);
  if (!done) { page.early.set(event.query_id, event); return; }
  page.pressed.delete(event.query_id);
  page.early.delete(event.query_id);
  done();
  if (event.show_alert && event.text) {
    find("#alert p").textContent = event.text;
    find("#alert").showModal();
  } else if (event.text) toast(event.text);
  if (/^https?:/i.test(event.url ?? "")) window.open(event.url, "_blank", "noopener");
}

function popup(message, x, y) {
  const box = find("#popup");
  const act = (call) => () => { box.hidden = true; call(); };
  const text = message.text ?? message.caption;
  box.replaceChildren(
    el("div", { class: "emoji" }, ...EMOJI.map((emoji) => el("button", { type: "button", onclick: act(() => react(message, emoji)) }, emoji))),
    el("button", { type: "button", role: "menuitem", onclick: act(() => composer.reply(message)) }, "Reply"),
    ...(text ? [el("button", { type: "button", role: "menuitem", onclick: act(() => copy(text)) }, "Copy text")] : []),
  );
  box.hidden = false;
  box.style.left = `${Math.max(8, Math.min(x, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.max(8, Math.min(y, innerHeight - box.offsetHeight - 8))}px`;
}

function view(message) {
  const largest = message.photo.at(-1);
  find("#viewer img").src = fileUrl(largest.file_id);
  const tapped = (command) => { find("#viewer").close(); attempt(send(command)); };
  find("#viewer p").replaceChildren(...formatted(message.caption ?? "", message.caption_entities, tapped));
  find("#viewer .save").href = fileUrl(largest.file_id, true);
  find("#viewer").showModal();
}

function ask(title, forGroup) {
  const dialog = find("#newcomer");
  const form = find("form", dialog);
  form.reset();
  find("h2", dialog).textContent = title;
  form.elements.name.placeholder = forGroup ? "Title" : "First name";
  find("#tongue").hidden = forGroup;
  find("#members").hidden = !forGroup;
  find("#members").replaceChildren(el("legend", {}, "Members"), ...page.state.people.map(({ id, first_name: name }) => el(
    "label", {}, el("input", { type: "checkbox", name: "member", value: id, checked: true }), name,
  )));
  find("[value=cancel]", dialog).onclick = () => dialog.close();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const made = await attempt(forGroup
      ? post("groups", { title: data.get("name"), members: data.getAll("member").map(Number) })
      : post("people", { first_name: data.get("name"), language_code: data.get("language") }));
    if (!made) return;
    dialog.close();
    attempt(load(made.id));
  };
  dialog.showModal();
}

function wire() {
  find("#open-side").onclick = () => { find("#side").classList.add("open"); find("#shade").hidden = false; };
  find("#shade").onclick = () => { find("#side").classList.remove("open"); find("#shade").hidden = true; };
  find("#down").onclick = scrollToEnd;
  find("#actor").onchange = (event) => { page.actorId = Number(event.target.value); draw(); };
  find("#add-person").onclick = () => ask("Add a person", false);
  find("#add-group").onclick = () => ask("New group", true);
  const block = (blocked) => attempt(post("block", { user_id: page.chatId, blocked }));
  find("#block").onclick = () => block(!person().blocked);
  find("#start").onclick = () => (person().blocked ? block(false) : attempt(send("/start")));
  find("#viewer button").onclick = () => find("#viewer").close();
  find("#viewer").onclick = (event) => { if (!event.target.closest("a, p")) find("#viewer").close(); };
  pane.addEventListener("scroll", drawDown, { passive: true });
  document.addEventListener("pointerdown", (event) => { if (!event.target.closest("#popup")) find("#popup").hidden = true; });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") find("#popup").hidden = true; });
  // a keyboard that slides in, or a picture that loads, must not hide the newest message
  let height = pane.clientHeight;
  new ResizeObserver(() => {
    if (pane.scrollHeight - pane.scrollTop - height < NEAR_THE_END) scrollToEnd();
    height = pane.clientHeight;
  }).observe(pane);
}

wire();
await load(page.chatId);
follow(page.state.number, (event) => { remember(event); heard(event); }, (line) => { page.line = line; drawFrame(); });
document.documentElement.dataset.ready = "yes";
