// Keys, and the word that says whether the page is live. Every page works without this file.
"use strict";

const places = { t: "/", o: "/orders", w: "/why", m: "/messages", d: "/deliveries", e: "/exams", h: "/held" };
let going = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  if (going && places[event.key]) location.assign(places[event.key]);
  going = event.key === "g";
  if (event.key === "/") {
    document.getElementById("find").focus();
    event.preventDefault();
  }
  if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
});

function step(by) {
  const rows = [...document.querySelectorAll("a.go")];
  const next = rows[rows.indexOf(document.activeElement) + by] ?? rows[by > 0 ? 0 : rows.length - 1];
  next?.focus();
}

function live(on) {
  const word = document.getElementById("live");
  if (!word) return;
  word.textContent = on ? "live" : "not live";
  word.classList.toggle("on", on);
}

document.addEventListener("htmx:sseOpen", () => live(true));
document.addEventListener("htmx:sseError", () => live(false));
document.addEventListener("htmx:sseClose", () => live(false));

// Whatever changes something says that a page of ours asked for it; forms carry the same token in a field.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf"]').content;
});
