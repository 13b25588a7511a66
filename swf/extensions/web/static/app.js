// Keys, and the word that says whether the page is live. Every page works without this file.
"use strict";

const openMenus = "nav.pages details[open]";
let going = false;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus();
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  if (document.querySelector("dialog[open]")) return;
  const page = going && document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
  if (page) location.assign(page.href);
  going = event.key === "g";
  if (event.key === "/") {
    document.getElementById("find")?.focus();
    event.preventDefault();
  }
  if (event.key === "?") document.getElementById("keys").showModal();
  if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
});

document.addEventListener("click", (event) => closeMenus(event.target));

function closeMenus(but) {
  for (const menu of document.querySelectorAll(openMenus)) {
    if (menu.contains(but ?? null)) continue;
    if (menu.contains(document.activeElement) && !but) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

function step(by) {
  const rows = [...document.querySelectorAll("a.go")];
  const next = rows[rows.indexOf(document.activeElement) + by] ?? rows[by > 0 ? 0 : rows.length - 1];
  next?.focus();
}

function live(on) {
  const word = document.getElementById("live");
  if (!word) return;
  word.textContent = on ? word.dataset.live : word.dataset.gone;
  word.classList.toggle("on", on);
}

document.addEventListener("htmx:sseOpen", () => live(true));
document.addEventListener("htmx:sseError", () => live(false));
document.addEventListener("htmx:sseClose", () => live(false));

// Whatever changes something says that a page of ours asked for it; forms carry the same token in a field.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf"]').content;
});

// The mapping bench: a file goes into the form as its very bytes, whatever their character set.
const paste = document.getElementById("paste");
const choose = document.getElementById("choose");

async function take(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  paste.elements.bytes.value = btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
  paste.elements.text.value = "";
  paste.requestSubmit();
}

if (paste) {
  choose.parentElement.hidden = false;
  choose.addEventListener("change", () => choose.files.length && take(choose.files[0]));
  paste.addEventListener("input", () => (paste.elements.bytes.value = ""));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    paste.addEventListener(kind, (event) => {
      event.preventDefault();
      paste.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  }
}

// A line that is named is shown: the address of a mistake leads to it.
const content = document.getElementById("content");

if (content?.dataset.line) {
  const lines = content.value.split("\n");
  const number = Number(content.dataset.line);
  const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
  content.focus({ preventScroll: true });
  content.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  content.scrollTop = (content.scrollHeight / lines.length) * Math.max(number - 4, 0);
}
