// The page is complete without this. It hides what was not asked for, compares with another baseline,
// rescales bars, sorts, tells details, saves tables and pictures, and keeps all of that in the address.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const get = (id) => document.getElementById(id);
  const make = (tag, text = "", of = {}) => Object.assign(document.createElement(tag), { textContent: text }, of);

  // ---- what is chosen, and the address that says so -------------------------------------------
  const menus = all(".menu");
  const boxes = (menu) => all("input", menu);
  const choosers = ["theme", "view", "base", "scale"].map(get);
  const parts = all("details.part");
  const tables = all("table:not(.fixed)");
  const sorted = new Map(); // table -> [column, whether downwards]
  let place = ""; // the id that a link led to

  const listed = (menu) => {
    const ticked = boxes(menu).filter((box) => box.checked), rest = boxes(menu).filter((box) => !box.checked);
    const shorter = ticked.length && ticked.length < rest.length;
    return [shorter ? menu.dataset.key : `not-${menu.dataset.key}`, (shorter ? ticked : rest).map((box) => box.value)];
  };
  const written = () => {
    const state = new URLSearchParams();
    for (const menu of menus) {
      const [key, values] = listed(menu);
      for (const value of values) state.append(key, value);
    }
    for (const chooser of choosers) if (chooser.value) state.set(chooser.id, chooser.value);
    for (const [table, [column, down]] of sorted) state.append("sort", `${tables.indexOf(table)} ${column} ${down ? "down" : "up"}`);
    for (const part of parts) if (part.open) state.append("open", part.id);
    if (place) state.set("at", place);
    return state.toString();
  };
  const write = () => {
    try { history.replaceState(null, "", `#${written()}`); } catch { /* a page in a frame without an address */ }
  };
  const read = (state) => {
    for (const menu of menus) {
      const { key } = menu.dataset, only = state.getAll(key), not = new Set(state.getAll(`not-${key}`));
      for (const box of boxes(menu)) box.checked = !not.has(box.value) && (!only.length || only.includes(box.value));
    }
    for (const chooser of choosers) {
      const wanted = state.get(chooser.id) ?? "";
      chooser.value = [...chooser.options].some((option) => option.value === wanted) ? wanted : "";
    }
    for (const part of parts) part.open = part.open || state.getAll("open").includes(part.id);
    for (const entry of state.getAll("sort")) {
      const [table, column, way] = entry.split(" ");
      if (tables[table]) sortable(tables[table]);
      const head = tables[table]?.tHead.rows[0].cells[column];
      if (head?.hasAttribute("aria-sort")) sort(head, way === "down");
    }
    applyAll();
    reveal(state.get("at") ?? "");
  };

  // ---- hiding ----------------------------------------------------------------------------------
  const KEYS = ["task", "framework", "mode", "device", "view"];
  const told = (element) => { // an arm names its framework and its mode
    const { task, arm = "", device, view } = element.dataset, [framework, mode] = arm.split(":");
    return { task, framework, mode, device, view };
  };
  let things; // found at the first filter: a page of ten thousand rows opens without looking at them
  const collected = () => all("main [data-task], main [data-arm], main [data-device], main [data-view]").map(
    (element) => ({ element, of: told(element), row: element.tagName === "TR", block: element.closest("table") && element.closest(".block") }));
  const hiddenOnes = () => {
    const off = Object.fromEntries(menus.map((menu) => [menu.dataset.key,
      new Set(boxes(menu).filter((box) => !box.checked).map((box) => box.value))]));
    const { value } = get("view");
    const views = [...get("view").options].map((option) => option.value);
    off.view = new Set(value ? views.filter((view) => view && view !== value) : []);
    return off;
  };
  const filter = () => {
    const off = hiddenOnes(), keys = KEYS.filter((key) => off[key]?.size);
    if (!things && !keys.length) return;
    things ??= collected();
    const left = new Map();
    for (const { element, of, row, block } of things) {
      const hide = keys.some((key) => off[key].has(of[key]));
      if (element.hasAttribute("hidden") !== hide) element.toggleAttribute("hidden", hide);
      if (row && block) left.set(block, (left.get(block) ?? 0) + !hide);
    }
    for (const [block, rows] of left) block.classList.toggle("empty", rows === 0 && block.querySelectorAll("tbody tr:not([data-arm]):not([data-task])").length === 0);
    const rows = things.filter((thing) => thing.row);
    const shown = rows.filter(({ element }) => !element.hidden && !element.closest(".block[hidden]")).length;
    get("shown").textContent = keys.length ? `${shown} of ${rows.length} rows are shown.` : "";
    for (const menu of menus) {
      const ticked = boxes(menu).filter((box) => box.checked).length;
      menu.querySelector(".count").textContent = ticked === boxes(menu).length ? "all" : `${ticked} of ${boxes(menu).length}`;
    }
  };

  // ---- numbers ---------------------------------------------------------------------------------
  const UNITS = [["h", 3600, 2], ["min", 60, 2], ["s", 1, 1], ["ms", 1e-3, 1], ["µs", 1e-6, 1], ["ns", 1e-9, 0]];
  const digits = (value) => String(Number(value.toPrecision(3)));
  const words = (seconds) => {
    const [unit, scale] = UNITS.find(([, size, least]) => Math.abs(seconds) >= size * least);
    return `${digits(seconds / scale)} ${unit}`;
  };
  const signed = (seconds) => `${seconds > 0 ? "+" : "−"}${words(Math.abs(seconds))}`;
  const bare = (value) => Number(value.toPrecision(6));
  const repeats = (cell) => cell.dataset.repeats.split(" ").map((text) => (text === "-" ? NaN : Number(text)));
  const quantiles = JSON.parse(get("samenet-quantiles").textContent);
  const interval = (values) => { // the t interval of logarithms, as samenet.stats.intervals.geometric has it
    const logs = values.map(Math.log).filter(Number.isFinite);
    const n = logs.length;
    if (!n) return null;
    const mean = logs.reduce((sum, log) => sum + log, 0) / n;
    const square = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0);
    const half = n > 1 ? quantiles[n - 2] * Math.sqrt(square / (n - 1) / n) : 0;
    return { value: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half), known: n > 1 };
  };
  const ratio = (own, base) => interval(own.map((seconds, place) => seconds / base[place]));

  // ---- another baseline ------------------------------------------------------------------------
  const printed = new Map(); // element -> [its own children, its own value]
  const say = (element, value, ...children) => {
    if (!printed.has(element)) printed.set(element, [[...element.childNodes], element.dataset.value]);
    element.replaceChildren(...children);
    if (value !== undefined) element.dataset.value = value;
  };
  const restore = () => {
    for (const [element, [children, value]] of printed) {
      element.replaceChildren(...children);
      if (value !== undefined) element.dataset.value = value; else delete element.dataset.value;
    }
    printed.clear();
  };
  const against = (element, own, base) => {
    const found = base && ratio(repeats(own), repeats(base));
    if (!found) return say(element, undefined, "–");
    const same = own === base, text = `${digits(found.value)}×`;
    const span = found.known && !same ? `[${digits(found.low)}, ${digits(found.high)}]` : "";
    if (element.tagName === "SPAN") return say(element, undefined, make("small", `${text} ${span}`));
    if (element.classList.contains("factor")) return say(element, found.value, text, ...(span ? [make("small", span)] : []));
    const more = own.dataset.value - base.dataset.value;
    return same ? say(element, undefined, "–") : say(element, more, signed(more), make("small", `${signed(100 * more)} in 100`));
  };
  const timed = (element) => { // the time that a relative cell is about: around it, or before it in its row
    let cell = element.closest("td");
    while (cell && !cell.dataset.repeats) cell = cell.previousElementSibling;
    return cell;
  };
  const rename = (table, column, name) => { // the head says what its numbers are against, here and where they are saved
    sortable(table); // first: what is restored later is then the label, not the button around it
    const head = table.tHead.rows[0].cells[column], label = head.querySelector("button") ?? head;
    const [what] = label.textContent.split(" against ");
    if (what !== label.textContent) say(label, undefined, `${what} against ${name}`);
  };
  const rebase = () => {
    restore();
    all(".base").forEach((note) => note.remove());
    const { value, selectedOptions } = get("base");
    if (!value) return;
    const notes = new Set();
    for (const element of all(".relative")) {
      const own = timed(element), row = element.closest("tr");
      if (!own) continue;
      const base = [...row.parentElement.rows].find((other) => other.dataset.arm === value);
      const cell = base?.cells[own.cellIndex];
      against(element, own, cell?.dataset.repeats ? cell : null);
      if (element.tagName === "TD") rename(row.closest("table"), element.cellIndex, selectedOptions[0].textContent);
      notes.add(row.closest(".block"));
    }
    const text = `Factors and differences are against ${selectedOptions[0].textContent}, from the repeats that both have. ` +
      "Verdicts were planned for the comparison with the fastest and are not given here.";
    notes.forEach((block) => block.append(make("p", text, { className: "note base" })));
  };

  // ---- bars ------------------------------------------------------------------------------------
  const rescale = () => {
    const log = get("scale").value === "log";
    for (const body of new Set(all("svg.bar").map((bar) => bar.closest("tbody")))) scaleTable(body, log);
    all("table").forEach((table) => table.classList.toggle("log", log));
  };
  const scaleTable = (body, log) => {
    const columns = Map.groupBy(all("svg.bar", body), (bar) => bar.parentElement.cellIndex);
    for (const bars of columns.values()) {
      const spans = bars.map((bar) => interval(repeats(bar.parentElement)));
      const longest = Math.max(...spans.map((span) => span.high)), least = Math.min(...spans.map((span) => span.value)) / 2;
      const place = (value) => Math.max(0, 100 * (log ? Math.log(value / least) / Math.log(longest / least) : value / longest));
      bars.forEach((bar, index) => {
        const [value, low, high] = ["value", "low", "high"].map((end) => place(spans[index][end]));
        const [full, span] = bar.children;
        full.setAttribute("width", `${bare(value)}%`);
        span.setAttribute("x", `${bare(low)}%`);
        span.setAttribute("width", `${bare(high - low)}%`);
      });
    }
  };

  // ---- sorting ---------------------------------------------------------------------------------
  const key = (row, index) => {
    const cell = row.cells[index];
    if (!cell) return "";
    const { value } = cell.dataset;
    return value === undefined ? cell.textContent.trim() : Number(value);
  };
  const before = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b);
  };
  const sort = (head, down) => {
    const table = head.closest("table"), body = table.tBodies[0];
    all("th[aria-sort]", head.parentElement).forEach((th) => th.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => before(key(a, head.cellIndex), key(b, head.cellIndex)));
    body.append(...(down ? rows.reverse() : rows));
    sorted.delete(table);
    sorted.set(table, [head.cellIndex, down]);
  };
  const sortable = (table) => {
    if (table.className === "fixed" || table.tBodies[0].rows.length < 2 || table.querySelector("th[aria-sort]")) return;
    for (const head of table.tHead.rows[0].cells) {
      const button = make("button", head.textContent, { type: "button" });
      if (head.title) button.dataset.tip = head.title;
      head.removeAttribute("title");
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
    }
  };

  // ---- details on hover and on focus -----------------------------------------------------------
  const tip = get("tip");
  const MARKS = "svg.bar, svg.picture [data-tip]";
  const shownNow = (mark) => mark.getClientRects().length > 0;
  const detail = (mark) => {
    if (mark.dataset.tip !== undefined) return mark.dataset.tip;
    const cell = mark.parentElement, found = interval(repeats(cell)), row = cell.closest("tr");
    const name = row.cells[0].firstChild?.textContent.trim() || row.cells[0].childNodes[1]?.textContent.trim();
    const column = cell.closest("table").tHead.rows[0].cells[cell.cellIndex].textContent;
    const each = repeats(cell).map((seconds) => (Number.isNaN(seconds) ? "missing" : words(seconds))).join(", ");
    const span = found.known ? `; 95 % interval ${words(found.low)} to ${words(found.high)}` : "";
    return `${name}, ${column}: ${words(found.value)}${span}. Each repeat: ${each}.`;
  };
  const showTip = (mark) => {
    tip.textContent = detail(mark);
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const below = box.bottom + own.height + 12 < innerHeight;
    tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - own.width - 8))}px`;
    tip.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - own.height - 6)}px`;
  };
  const hideTip = () => { tip.hidden = true; };
  const followTip = () => { // reaching a mark by keyboard scrolls to it
    const mark = tipped(document.activeElement);
    if (!tip.hidden && mark && tip.textContent === detail(mark)) showTip(mark); else hideTip();
  };
  const tipped = (target) => target.closest?.(`[data-tip], svg.bar`);
  const reachable = (mark) => { // one stop per picture and per table; arrow keys go on from there
    mark.setAttribute("tabindex", "0");
    mark.setAttribute("role", "img");
    mark.removeAttribute("aria-hidden");
    mark.setAttribute("aria-label", detail(mark));
  };
  const group = (mark) => mark.closest("tbody, svg.picture");
  const firstMarks = (root) => {
    for (const place of all("tbody, svg.picture", root).filter((each) => !each.closest("details:not([open])"))) {
      const marks = all(MARKS, place);
      if (!marks.length || marks.some((mark) => mark.hasAttribute("tabindex"))) continue;
      if (place.tagName !== "TBODY") place.setAttribute("role", "group");
      reachable(marks[0]);
    }
  };
  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const mark = step && event.target.closest?.(MARKS);
    if (!mark) return;
    event.preventDefault();
    const marks = all(MARKS, group(mark)).filter(shownNow);
    const next = marks[marks.indexOf(mark) + step];
    if (!next) return;
    mark.setAttribute("tabindex", "-1");
    reachable(next);
    next.focus();
  };

  // ---- saving ----------------------------------------------------------------------------------
  const save = (text, type, name) => {
    const link = make("a", "", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const text = (cell) => {
    const copy = cell.cloneNode(true);
    all("svg", copy).forEach((sign) => sign.remove());
    all("small", copy).forEach((small) => small.prepend(" "));
    return copy.textContent.replace(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
  };
  const spread = (row) => [...row.cells].flatMap((cell) => [cell, ...Array(cell.colSpan - 1).fill(null)]);
  const grid = (table) => ({
    heads: [...table.tHead.rows[0].cells].map(text),
    rows: [...table.tBodies[0].rows].filter((row) => !row.hidden).map(spread),
  });
  const value = (cell) => {
    if (!cell) return "";
    return cell.dataset.value === undefined ? text(cell) : Number(cell.dataset.value);
  };
  // A spreadsheet takes a text that begins like this for a formula; an apostrophe keeps it a text.
  const inert = (field) => (typeof field === "string" && /^[=+\-@]/.test(field) ? `'${field}` : String(field));
  const quoted = (field) => `"${inert(field).replaceAll('"', '""')}"`;
  const csv = ({ heads, rows }) => [heads, ...rows.map((row) => row.map(value))]
    .map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
  const json = ({ heads, rows }) => JSON.stringify(rows.map((row) => Object.fromEntries(row.map((cell, place) =>
    [heads[place], cell && { text: text(cell), ...(cell.dataset.value !== undefined && { value: Number(cell.dataset.value) }),
      ...(cell.dataset.repeats && { repeats: repeats(cell).map((seconds) => (Number.isNaN(seconds) ? null : seconds)) }) }]))), null, 1);
  const plain = (field) => field.replace(/[\\`*_{}[\]<>()#+!|~&$]/g, (sign) => (sign === "<" ? "&lt;" : sign === "&" ? "&amp;" : `\\${sign}`));
  const markdown = ({ heads, rows }) => [heads.map(plain), heads.map(() => "---"), ...rows.map((row) => row.map((cell) => (cell ? plain(text(cell)) : "")))]
    .map((row) => `| ${row.join(" | ")} |\n`).join("");
  const FORMS = [["CSV", "text/csv", csv], ["JSON", "application/json", json], ["Markdown", "text/markdown", markdown]];
  const fileName = (title) => `samenet-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "table"}`;
  const saveButton = (form, title, act) => {
    const button = make("button", form, { type: "button" });
    button.setAttribute("aria-label", `Save “${title}” as ${form}`);
    button.addEventListener("click", act);
    return button;
  };
  const saveTable = (table) => {
    const title = table.caption.textContent, line = make("p", "Save as ", { className: "saving" });
    line.append(...FORMS.map(([form, type, made]) => saveButton(form, title,
      () => save(made(grid(table)), type, `${fileName(title)}.${form === "Markdown" ? "md" : form.toLowerCase()}`))));
    table.closest(".scroll").after(line);
  };
  const LOOK = ["fill", "stroke", "opacity", "font-family"];
  const standing = (picture) => { // the page's colours and font written into a copy that stands alone
    const copy = picture.cloneNode(true), { color, fontFamily } = getComputedStyle(picture);
    all("[hidden]", copy).forEach((element) => element.remove());
    for (const element of [copy, ...all("*", copy)]) {
      for (const name of ["tabindex", "aria-label", "role"]) if (element !== copy) element.removeAttribute(name);
      for (const name of LOOK) if (element.getAttribute(name) === "currentColor") element.setAttribute(name, color);
    }
    const [, , width, height] = picture.getAttribute("viewBox").split(" ");
    for (const [name, of] of Object.entries({ width, height, "font-family": fontFamily, color })) copy.setAttribute(name, of);
    return new XMLSerializer().serializeToString(copy);
  };
  const savePicture = (figure) => {
    const title = figure.querySelector("figcaption").textContent, line = make("p", "Save as ", { className: "saving" });
    line.append(saveButton("SVG", title, () => save(
      standing(all("svg.picture", figure).find(shownNow)), "image/svg+xml", `${fileName(title)}.svg`)));
    figure.querySelector(".help").after(line);
  };

  // ---- a part is made ready when it is opened: a page with thousands of rows starts as fast ------
  const ready = new WeakSet();
  const prepare = (root) => {
    const fresh = (element) => !ready.has(element) && !element.closest("details:not([open])") && ready.add(element);
    all("table", root).filter(fresh).forEach((table) => { sortable(table); saveTable(table); });
    all("figure", root).filter(fresh).forEach(savePicture);
    firstMarks(root);
  };

  const paint = () => {
    const { value: name } = get("theme");
    if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
  };
  const applyAll = () => { paint(); filter(); rebase(); if (get("scale").value || document.querySelector("table.log")) rescale(); };
  const ACTS = { theme: paint, view: filter, base: rebase, scale: rescale };

  // ---- events ----------------------------------------------------------------------------------
  all(".controls, .save").forEach((element) => { element.hidden = false; });
  choosers.forEach((chooser) => chooser.addEventListener("change", () => { ACTS[chooser.id](); write(); }));
  menus.forEach((menu) => {
    menu.addEventListener("change", () => { filter(); write(); });
    all("button", menu).forEach((button) => button.addEventListener("click", () => {
      boxes(menu).forEach((box) => { box.checked = button.dataset.all === "yes"; });
      filter();
      write();
    }));
  });
  get("reset").addEventListener("click", () => { read(new URLSearchParams()); write(); });
  get("reset").form.addEventListener("submit", (event) => event.preventDefault());

  const expand = get("expand");
  const name = () => { expand.textContent = parts.every((part) => part.open) ? "Close all" : "Open all"; };
  expand.addEventListener("click", () => {
    const open = !parts.every((part) => part.open);
    parts.forEach((part) => { part.open = open; });
  });
  all("details:not(.menu)").forEach((details) => details.addEventListener("toggle", () => {
    if (details.open) prepare(details);
    if (details.matches(".part")) { name(); write(); }
  }));
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("main details:not(.menu):not([open])");
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));

  const reveal = (id) => {
    const target = get(id);
    place = target ? id : "";
    if (!target) return;
    for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    target.scrollIntoView();
    (target.querySelector(":scope > summary") ?? target).focus({ preventScroll: true });
  };
  const follow = () => {
    const hash = location.hash.slice(1);
    if (hash.includes("=") || !hash) return read(new URLSearchParams(hash));
    try { reveal(decodeURIComponent(hash)); } catch { reveal(""); }
    write();
  };
  addEventListener("hashchange", follow);

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("thead th button"), head = button?.parentElement;
    if (head) { sort(head, head.getAttribute("aria-sort") === "ascending"); write(); }
    menus.forEach((menu) => { if (menu.open && !menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hideTip();
      menus.filter((menu) => menu.open).forEach((menu) => { menu.open = false; menu.firstElementChild.focus(); });
    } else walk(event);
  });
  document.addEventListener("pointerover", (event) => {
    const mark = tipped(event.target);
    if (mark) showTip(mark); else if (event.target !== tip) hideTip();
  });
  document.addEventListener("focusin", (event) => {
    const mark = tipped(event.target);
    if (mark) showTip(mark); else hideTip();
  });
  addEventListener("scroll", followTip, { passive: true });

  all(".save").forEach((button) => button.addEventListener("click",
    () => save(get(button.dataset.from).textContent, "application/json", button.dataset.name)));
  prepare(document);
  follow();
  name();
})();
