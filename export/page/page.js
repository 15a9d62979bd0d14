
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  document.documentElement.classList.add("on");
  const rows = JSON.parse($("data").textContent);
  const most = 200; // goroutines that are listed at once
  const of = new Map(); // rows by group
  for (const r of rows) {
    if (!of.has(r.g)) of.set(r.g, []);
    of.get(r.g).push(r);
  }
  const groups = [...document.querySelectorAll("details.g")];
  const groupOf = new Map(groups.map((g) => [Number(g.dataset.g), g]));

  // All text goes in as text: nothing of a report is ever read as markup.
  const make = (tag, cls, text) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  // show puts a goroutine with its variables below what it was asked for in.
  const show = (r, into) => {
    const box = make("div", "f");
    box.append(make("b", "", "goroutine " + r.id + (r.c ? ", created in goroutine " + r.c : "")));
    const g = groupOf.get(r.g);
    const calls = g ? [...g.querySelectorAll(":scope > .f .fn")] : [];
    const vars = r.v || [];
    for (let i = 0; i < Math.max(calls.length, vars.length); i++) {
      const line = make("div", "f none");
      line.append(make("span", "fn", calls[i] ? calls[i].textContent : "frame " + i));
      for (const [n, t, x] of vars[i] || []) {
        const v = make("div", "v leaf");
        v.append(make("span", "n", n), " ", make("span", "t", t), " ", make("span", "x", x));
        line.append(v);
      }
      box.append(line);
    }
    if (!vars.length) box.append(make("p", "muted", "No variables of it are in this page."));
    into.replaceChildren(box);
  };

  // list offers goroutines as buttons, the first of them at once.
  const list = (rs, into) => {
    const out = make("div");
    let n = 0;
    const more = make("button", "", "");
    const add = () => {
      const part = document.createDocumentFragment();
      for (const end = Math.min(n + most, rs.length); n < end; n++) {
        const r = rs[n];
        const b = make("button", "", String(r.id));
        b.type = "button";
        b.addEventListener("click", () => show(r, out));
        part.append(b);
      }
      more.before(part);
      more.textContent = "… " + (rs.length - n) + " more";
      more.hidden = n >= rs.length;
    };
    more.type = "button";
    more.addEventListener("click", add);
    into.replaceChildren(more, out);
    add();
  };

  for (const g of groups) {
    g.addEventListener("toggle", () => {
      const members = g.querySelector(":scope > .members");
      const rs = of.get(Number(g.dataset.g)) || [];
      if (g.open && rs.length > 1 && !members.firstChild) list(rs, members);
    });
  }

  // The search hides groups that don't match, and lists goroutines by number
  // and by what their variables hold.
  const find = () => {
    const q = $("q").value.trim().toLowerCase();
    for (const g of groups) g.hidden = q !== "" && !g.dataset.s.toLowerCase().includes(q) && !/^\d+$/.test(q);
    $("found").hidden = q === "";
    if (q === "") return;
    const hits = [];
    for (const r of rows) {
      if (String(r.id) === q || (q.length > 1 && (r.v || []).some((f) => (f || []).some((v) => v[0].toLowerCase() === q || v[2].toLowerCase().includes(q))))) hits.push(r);
    }
    const open = groups.filter((g) => !g.hidden).length;
    $("hits").replaceChildren(make("p", "muted", hits.length + " goroutines with it in a variable or as their number; " + open + " of " + groups.length + " groups below"), make("div"));
    if (hits.length) list(hits, $("hits").lastChild);
  };
  let wait = 0;
  $("q").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(find, 120);
  });

  const copy = async () => {
    const md = $("md");
    try {
      await navigator.clipboard.writeText(md.value);
    } catch {
      md.closest("details").open = true;
      md.select();
      document.execCommand("copy");
    }
    $("copy").textContent = "Copied";
    setTimeout(() => { $("copy").textContent = "Copy as Markdown"; }, 1500);
  };
  $("copy").addEventListener("click", copy);

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape") {
      $("q").value = "";
      $("q").blur();
      find();
      return;
    }
    if (/^(INPUT|TEXTAREA)$/.test(e.target.tagName)) return;
    if (e.key === "/") {
      e.preventDefault();
      $("q").focus();
    } else if (e.key === "m") {
      copy();
    } else if (e.key === "e") {
      const frames = [...document.querySelectorAll("#crash > details.f")];
      const open = !frames.every((f) => f.open);
      for (const f of frames) f.open = open;
    }
  });
})();
