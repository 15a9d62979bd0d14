
"use strict";
(() => {
  document.documentElement.classList.add("on");
  const rows = [...document.querySelectorAll("[data-row]")];
  let at = -1;
  const move = (by) => {
    if (!rows.length) return;
    const now = rows.findIndex((r) => r.contains(document.activeElement));
    at = Math.min(Math.max((now >= 0 ? now : at) + by, 0), rows.length - 1);
    const link = rows[at].querySelector("a");
    if (link) link.focus();
    rows[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (e) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (typing) {
      if (e.key === "Escape") e.target.blur();
      return;
    }
    const search = document.getElementById("q"), up = document.querySelector("[data-up]");
    if (e.key === "/" && search) { search.focus(); search.select(); }
    else if (e.key === "j") move(1);
    else if (e.key === "k") move(-1);
    else if (e.key === "u" && up) up.click();
    else return;
    e.preventDefault();
  });
  for (const s of document.querySelectorAll(".filter select")) s.addEventListener("change", () => s.form.requestSubmit());
})();
