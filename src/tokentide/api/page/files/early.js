// What cannot wait for the modules? The colours, so that a chosen theme never flashes, and the question for the numbers.
"use strict";

(() => {
  const NAME = "tokentide-theme";
  const THEMES = ["auto", "light", "dark"];
  const root = document.documentElement;

  function chosen() {
    try {
      const theme = localStorage.getItem(NAME);
      return THEMES.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  }

  function apply(theme) {
    root.dataset.theme = theme;
    try {
      localStorage.setItem(NAME, theme);
    } catch {
      // it lasts as long as the page, then
    }
  }

  // `server.js` takes it; without an answer it asks again.
  globalThis.firstAnswer = fetch(`/page/data${location.search}`).catch(() => null);
  root.dataset.theme = chosen();
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => {
      button.textContent = `Theme: ${root.dataset.theme}`;
    };
    button.addEventListener("click", () => {
      apply(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length]);
      show();
    });
    show();
  });
})();
