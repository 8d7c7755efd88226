// Owns what is being written: text, reply, the command menu, files on their way out.
import { el, find, initials, size, toast } from "./dom.js";
import { upload } from "./net.js";

export class Composer {
  // `acts` has: send(text, replyTo), fields() for uploads
  constructor(acts) {
    this.acts = acts;
    this.commands = [];
    this.chosen = -1;
    this.replyTo = null;
    this.text = find("#text");
    this.list = find("#commands");
    this.text.addEventListener("input", () => { this.fit(); this.filter(); });
    this.text.addEventListener("keydown", (event) => this.key(event));
    find("#composer").addEventListener("submit", (event) => { event.preventDefault(); this.send(this.text.value); });
    find("#menu").addEventListener("click", () => (this.list.hidden ? this.open(this.commands) : this.close()));
    find("#attach").addEventListener("click", () => find("#files").click());
    find("#files").addEventListener("change", (event) => { this.offer([...event.target.files]); event.target.value = ""; });
    find("#reply button").addEventListener("click", () => this.reply(null));
    document.addEventListener("click", (event) => {
      if (!event.target.closest("#commands, #menu, #composer")) this.close();
    });
    this.watchDrops();
    this.text.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) { event.preventDefault(); this.offer([...event.clipboardData.files]); }
    });
  }

  setCommands(commands) {
    this.commands = commands;
    find("#menu").hidden = !commands.length;
    if (!this.list.hidden) this.filter();
  }

  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  filter() {
    const typed = /^\/(\S*)$/.exec(this.text.value);
    const fitting = typed ? this.commands.filter(({ command }) => command.startsWith(typed[1].toLowerCase())) : [];
    if (fitting.length) this.open(fitting); else this.close();
  }

  open(commands) {
    this.chosen = -1;
    this.list.replaceChildren(...commands.map(({ command, description }) => el(
      "li", {},
      el("button", { type: "button", onclick: () => this.send(`/${command}`) }, el("b", {}, `/${command}`), el("span", {}, description)),
    )));
    this.list.hidden = false;
    find("#menu").setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    find("#menu").setAttribute("aria-expanded", "false");
  }

  key(event) {
    const items = [...this.list.children];
    if (!this.list.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.chosen = (this.chosen + step + items.length) % items.length;
      items.forEach((item, place) => item.setAttribute("aria-selected", place === this.chosen));
      items[this.chosen].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Escape") {
      this.close();
      this.reply(null);
    } else if (event.key === "Tab" && !this.list.hidden && items.length) {
      event.preventDefault();
      this.text.value = `${find("b", items[Math.max(this.chosen, 0)]).textContent} `;
      this.close();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      const picked = !this.list.hidden && this.chosen >= 0 ? find("b", items[this.chosen]).textContent : this.text.value;
      this.send(picked);
    }
  }

  async send(text) {
    if (!text.trim()) return;
    const replyTo = this.replyTo?.message_id ?? 0;
    this.close();
    try {
      await this.acts.send(text, replyTo);
    } catch (refusal) {
      toast(refusal.message);
      return;
    }
    this.text.value = "";
    this.reply(null);
    this.fit();
  }

  reply(message) {
    this.replyTo = message;
    const box = find("#reply");
    box.hidden = !message;
    if (!message) return;
    find("strong", box).textContent = message.from.first_name;
    find("span", box).textContent = message.text ?? message.caption ?? "Photo or file";
    this.text.focus();
  }

  watchDrops() {
    const veil = find("#drop");
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) veil.hidden = true; });
    document.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      veil.hidden = true;
      this.offer([...event.dataTransfer.files]);
    });
  }

  // Shows the files before they go, with a caption, and then their progress.
  offer(files) {
    if (!files.length) return;
    const dialog = find("#outgoing");
    const caption = find("textarea", dialog);
    const bar = find("progress", dialog);
    const fault = find(".fault", dialog);
    const pictures = files.some((file) => /^image\/(png|jpeg|webp)$/.test(file.type));
    find("h2", dialog).textContent = files.length === 1 ? "Send a file" : `Send ${files.length} files`;
    find("ul", dialog).replaceChildren(...files.map((file) => el("li", {}, el("span", {}, file.name), el("span", { class: "muted" }, size(file.size)))));
    find("#as-photo").hidden = !pictures;
    caption.value = this.text.value;
    bar.hidden = true;
    fault.hidden = true;
    let running = null;
    let stopped = false;
    const send = async (event) => {
      event.preventDefault();
      const go = find(".main", dialog);
      go.disabled = true;
      bar.hidden = false;
      try {
        for (const [place, file] of files.entries()) {
          const photo = /^image\/(png|jpeg|webp)$/.test(file.type) && find("#as-photo input").checked;
          const fields = { ...this.acts.fields(), caption: place === 0 ? caption.value : "", as: photo ? "photo" : "document" };
          running = upload(fields, file, (share) => { bar.value = (place + share) / files.length; });
          await running.sent;
        }
        this.text.value = "";
        dialog.close();
      } catch (refusal) {
        fault.textContent = refusal.message;
        fault.hidden = stopped;
      } finally {
        go.disabled = false;
      }
    };
    find("form", dialog).onsubmit = send;
    find("[value=cancel]", dialog).onclick = () => { stopped = true; running?.cancel(); dialog.close(); };
    dialog.showModal();
    caption.focus();
  }
}

// Gives the round picture of a person or group.
export function face(id, name) {
  return el("span", { class: `face c${Math.abs(id) % 6}`, "aria-hidden": "true" }, initials(name));
}
