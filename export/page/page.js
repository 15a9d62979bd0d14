"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  document.documentElement.classList.add("on");
  const most = 200; // goroutines that are listed at once
  const few = 50; // groups, and hits of the search
  const vars = 6; // where variables begin in a row

  // All text goes in as text: nothing of a report is ever read as markup.
  const make = (tag, cls, ...content) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    e.append(...content);
    return e;
  };
  const button = (text, act) => {
    const b = make("button", "", text);
    b.type = "button";
    b.addEventListener("click", () => act(b));
    return b;
  };

  // The data are read when something of them is asked for first. What stands in
  // them is described in export/htmldata.go.
  let read;
  const data = () => {
    if (read) return read;
    const { s, g, f, r } = JSON.parse($("data").textContent);
    const groups = new Map(g.map((x) => [x[0], { id: x[0], count: x[1], state: s[x[2]], at: s[x[3]], creator: s[x[4]], ids: s[x[5]], first: x[6], frames: x[7], above: x[8] }]));
    const members = new Map(); // rows by group
    for (const row of r) {
      const m = members.get(row[1]);
      if (m) m.push(row);
      else members.set(row[1], [row]);
    }
    read = { s, f, rows: r, groups, members };
    return read;
  };
  const laidOut = new Map([...document.querySelectorAll("details.g")].map((e) => [Number(e.dataset.g), e]));

  // pages puts what make_(item) makes for some of the items at once into a box,
  // with a button for the next ones.
  const pages = (items, size, into, makeItem) => {
    let n = 0;
    const more = button("", () => add());
    const add = () => {
      const part = document.createDocumentFragment();
      for (const end = Math.min(n + size, items.length); n < end; n++) part.append(makeItem(items[n]));
      more.before(part);
      more.textContent = "… " + (items.length - n) + " more";
      more.hidden = n >= items.length;
    };
    into.append(more);
    add();
  };

  const call = (fn, place) => {
    const line = make("div", "f none", make("span", "fn", fn || "code without a name"));
    if (place) line.append(" ", make("span", "p", place));
    return line;
  };
  const calls = (first, n) => {
    const { s, f } = data();
    const out = [];
    for (let i = first; i < first + 2 * n; i += 2) out.push(call(s[f[i]], s[f[i + 1]]));
    return out;
  };

  // folded puts what lies above the program's own frames apart.
  const folded = (above, lines) => {
    if (!above) return lines;
    const summary = make("summary", "muted", above + (above === 1 ? " frame" : " frames") + " above, of the runtime and libraries");
    return [make("details", "above", summary, ...lines.slice(0, above)), ...lines.slice(above)];
  };

  // stack is a goroutine with its variables.
  const stack = (row) => {
    const { s, groups } = data();
    const g = groups.get(row[1]);
    const own = row[5] > 0 || !g; // a stack that is not its group's
    const lines = own ? calls(row[4], row[5]) : calls(g.first, g.frames);
    for (let i = vars; i < row.length; i += 4) {
      while (lines.length <= row[i]) lines.push(call("frame " + lines.length));
      const text = s[row[i + 3]];
      const x = make("span", /^<[a-z]/.test(text) ? "x unknown" : "x", text); // <optimized out>, <unreadable: ...>
      lines[row[i]].append(make("div", "v leaf", make("span", "n", s[row[i + 1]]), " ", make("span", "t", s[row[i + 2]]), " ", x));
    }
    const head = "goroutine " + row[0] + (row[3] ? " " + s[row[3]] : "") + (row[2] ? ", created in goroutine " + row[2] : "");
    const box = make("div", "f", make("b", "", head), ...folded(own ? 0 : g.above, lines));
    if (row.length <= vars) box.append(make("p", "muted", "No variables of it are in this page."));
    return box;
  };

  // list offers goroutines of a group as buttons.
  const list = (rows, into) => {
    const out = make("div");
    let last;
    pages(rows, most, into, (row) => button(String(row[0]), (b) => {
      if (last) last.removeAttribute("aria-pressed");
      last = b;
      b.setAttribute("aria-pressed", "true");
      out.replaceChildren(stack(row));
    }));
    into.append(out);
  };
  const lazily = (g, id) => g.addEventListener("toggle", () => {
    const members = g.querySelector(":scope > .members");
    if (!g.open || members.firstChild) return;
    const rows = data().members.get(id) || [];
    if (rows.length > 1) list(rows, members);
  });
  for (const [id, g] of laidOut) lazily(g, id);

  // Groups that are not laid out are made as they are asked for.
  const group = (g) => {
    const summary = make("summary", "", make("b", "", String(g.count)), make("span", "st", g.state), make("span", "fn", g.at), make("span", "muted", g.creator), make("span", "muted", g.ids));
    const members = make("div", "members");
    const e = make("details", "g", summary, members);
    e.addEventListener("toggle", () => {
      if (e.open && e.childElementCount === 2) summary.after(...folded(g.above, calls(g.first, g.frames)));
    }, { once: true });
    lazily(e, g.id);
    return e;
  };
  const others = (groups) => {
    $("more").replaceChildren();
    if (groups.length) pages(groups, few, $("more"), group);
  };
  const further = document.querySelector(".nojs"); // there are some
  const offer = () => {
    if (!$("more")) return;
    $("more").replaceChildren();
    if (further) $("more").append(button("… more groups", () => others([...data().groups.values()].filter((g) => !laidOut.has(g.id)))));
  };
  offer();

  // What the search looks at, in lower case, made when it is used first.
  let lower, values;
  const prepare = () => {
    if (lower) return;
    lower = data().s.map((x) => x.toLowerCase());
    values = [...document.querySelectorAll("#crash .v, #globals .v")].map((e) => {
      const own = e.localName === "details" ? [...e.querySelectorAll(":scope > summary, :scope > .long")] : [e];
      return { e, text: own.map((x) => x.textContent).join(" ").toLowerCase() };
    });
  };

  // foundValues are the innermost values of the crash and of package variables
  // in which q stands.
  const foundValues = (q) => {
    const covered = new Set();
    const out = [];
    for (let i = values.length - 1; i >= 0; i--) {
      const { e, text } = values[i];
      if (!text.includes(q)) continue;
      if (!covered.has(e)) out.push(e);
      for (let up = e.parentElement.closest(".v"); up; up = up.parentElement.closest(".v")) covered.add(up);
    }
    return out.reverse();
  };
  const nameOf = (e) => (e.querySelector(":scope > .n, :scope > summary > .n") || { textContent: "" }).textContent;
  // A value that is handed down stands in several frames: it is one hit, in the
  // innermost of them.
  const together = (found) => {
    const by = new Map();
    for (const e of found) {
      const way = [nameOf(e)];
      for (let up = e.parentElement.closest(".v"); up; up = up.parentElement.closest(".v")) way.unshift(nameOf(up));
      const text = e.querySelector(":scope > .x, :scope > summary > .x");
      const hit = { e, way: way.filter(Boolean).join(" › "), text: text ? text.textContent : "", again: 0 };
      const key = hit.way + "\0" + hit.text;
      if (by.has(key)) by.get(key).again++;
      else by.set(key, hit);
    }
    return [...by.values()];
  };
  const valueHit = ({ e, way, text, again }) => {
    const frame = e.closest(".f");
    const b = button("", () => {
      for (let up = e.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
      const at = e.localName === "details" ? e.firstElementChild : e;
      if (at === e) at.tabIndex = -1;
      at.scrollIntoView({ block: "center" });
      at.focus();
    });
    b.className = "way";
    b.append(make("span", "fn", frame ? frame.querySelector(".fn").textContent : "package variable"), " ", make("span", "n", way), " ", text);
    if (again) b.append(make("span", "muted", "  and in " + again + " more"));
    return make("div", "hit", b);
  };
  const goroutineHit = ({ row, at }) => {
    const { s, groups } = data();
    const g = groups.get(row[1]);
    const summary = make("summary", "", make("b", "", "goroutine " + row[0]), g ? " [" + g.state + "] " : " ", make("span", "fn", g ? g.at : ""));
    if (at) summary.append(" ", make("span", "n", s[row[at + 1]]), " ", s[row[at + 3]]);
    else if (row[3]) summary.append(" ", make("span", "muted", s[row[3]]));
    const e = make("details", "hit", summary);
    e.addEventListener("toggle", () => e.append(stack(row)), { once: true });
    return e;
  };

  const foundGoroutines = (q, number, hit) => {
    const { s, rows } = data();
    const named = lower.map((x) => x === q);
    const out = [];
    for (const row of rows) {
      if (number && String(row[0]) === q) {
        out.unshift({ row, at: 0 });
        continue;
      }
      let at = 0;
      for (let i = vars; i < row.length && !at; i += 4) if (hit[row[i + 3]] || named[row[i + 1]]) at = i;
      if (at || row[3] && hit[row[3]]) out.push({ row, at });
    }
    return out;
  };

  // The search hides groups that don't match, and lists values and goroutines.
  const find = () => {
    clearTimeout(wait);
    const q = $("q").value.trim().toLowerCase();
    $("found").hidden = q === "";
    $("hits").replaceChildren();
    if (q === "") {
      $("count").textContent = "";
      for (const g of laidOut.values()) g.hidden = false;
      offer();
      return;
    }
    prepare();
    const number = /^\d+$/.test(q);
    const { f, groups, rows } = data();
    const hit = lower.map((x) => x === q || q.length > 1 && x.includes(q));
    const vs = q.length > 1 ? together(foundValues(q)) : [];
    const gs = foundGoroutines(q, number, hit);
    const ofNumber = new Set(number ? gs.filter((x) => String(x.row[0]) === q).map((x) => x.row[1]) : []);
    const matches = (g) => {
      if (ofNumber.has(g.id)) return true;
      for (const x of [g.state, g.at, g.creator]) if (q.length > 1 && x.toLowerCase().includes(q)) return true;
      for (let i = 0; i < 2 * g.frames; i++) if (hit[f[g.first + i]]) return true;
      return false;
    };
    const found = [...groups.values()].filter(matches);
    const ids = new Set(found.map((g) => g.id));
    for (const [id, e] of laidOut) {
      e.hidden = !ids.has(id);
      if (!e.hidden) for (let up = e.parentElement.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    }
    if ($("more")) others(found.filter((g) => !laidOut.has(g.id)));
    const of = (n, what) => n + " " + what + (n === 1 ? "" : "s");
    $("count").textContent = of(vs.length, "value") + " of the crash and of package variables, " + of(gs.length, "goroutine") + " of " + rows.length + ", " + of(found.length, "group") + " of " + groups.size + " (below)";
    for (const [items, makeItem] of [[vs, valueHit], [gs, goroutineHit]]) {
      if (!items.length) continue;
      const box = make("div");
      $("hits").append(box);
      pages(items, few, box, makeItem);
    }
  };
  let wait = 0;
  $("q").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(find, 120);
  });

  const say = (text) => {
    $("said").textContent = text;
    $("copy").textContent = text;
    setTimeout(() => { $("copy").textContent = "Copy as Markdown"; }, 2000);
  };
  const copy = async () => {
    const md = $("md");
    try {
      await navigator.clipboard.writeText(md.value);
      say("Copied");
    } catch { // not allowed here, or no clipboard: as text that is selected
      const box = md.closest("details"), was = box.open, focused = document.activeElement;
      box.open = true;
      md.focus({ preventScroll: true });
      md.select();
      if (document.execCommand("copy")) {
        box.open = was;
        focused.focus({ preventScroll: true });
        say("Copied");
        return;
      }
      md.scrollIntoView();
      say("Selected: press Ctrl+C");
    }
  };
  $("copy").addEventListener("click", copy);
  $("help").addEventListener("click", () => $("keys").showModal());
  $("close").addEventListener("click", () => $("keys").close());

  // j and k go through frames, groups and hits that are to be seen.
  const step = (by) => {
    const stops = [...document.querySelectorAll(".f > summary, .g > summary, .above > summary, .hit > summary, .hit > button")].filter((e) => e.checkVisibility());
    if (!stops.length) return;
    let i = stops.indexOf(document.activeElement);
    if (i < 0) {
      const y = (e) => e.getBoundingClientRect().top;
      i = stops.findIndex((e) => y(e) >= 0);
      if (i < 0) i = stops.length - 1;
      else if (by < 0) i = Math.max(i - 1, 0);
    } else i = Math.min(Math.max(i + by, 0), stops.length - 1);
    stops[i].focus({ preventScroll: true });
    stops[i].scrollIntoView({ block: "nearest" });
  };
  const keys = {
    "/": () => { $("q").focus(); $("q").select(); },
    "?": () => $("keys").showModal(),
    j: () => step(1),
    k: () => step(-1),
    m: copy,
    e: () => {
      const frames = [...document.querySelectorAll("#crash > details.f")];
      const open = !frames.every((f) => f.open);
      for (const f of frames) f.open = open;
    },
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || $("keys").open) return;
    if (e.key === "Escape") {
      $("q").value = "";
      $("q").blur();
      find();
    } else if (e.key === "Enter" && e.target === $("q")) {
      find();
      const first = document.querySelector("#hits .hit > summary, #hits .hit > button") || [...document.querySelectorAll(".g > summary")].find((s) => s.checkVisibility());
      if (first) {
        e.preventDefault();
        first.focus();
      }
    } else if (!/^(INPUT|TEXTAREA)$/.test(e.target.tagName) && Object.hasOwn(keys, e.key)) {
      e.preventDefault();
      keys[e.key]();
    }
  });
})();
