// The page is complete without this: it only sorts tables, chooses a theme, opens parts, saves data.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* file:// */ } };
  const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

  all(".controls, .save").forEach((element) => { element.hidden = false; });

  const theme = document.getElementById("theme");
  const paint = (name) => {
    if (name === "light" || name === "dark") document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
  };
  theme.value = ["light", "dark"].includes(recall("samenet-theme")) ? recall("samenet-theme") : "auto";
  paint(theme.value);
  theme.addEventListener("change", () => { paint(theme.value); remember("samenet-theme", theme.value); });

  const parts = all("details.part");
  const expand = document.getElementById("expand");
  const name = () => { expand.textContent = parts.every((p) => p.open) ? "Close all" : "Open all"; };
  expand.addEventListener("click", () => {
    const open = !parts.every((part) => part.open);
    parts.forEach((part) => { part.open = open; });
    name();
  });
  parts.forEach((part) => part.addEventListener("toggle", name));

  addEventListener("beforeprint", () => all("details.part").forEach((part) => { part.open = true; }));

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();

  const key = (row, index) => {
    const cell = row.cells[index];
    if (!cell) return "";
    const value = cell.dataset.value;
    return value === undefined ? cell.textContent.trim() : Number(value);
  };
  const before = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b);
  };
  const sort = (head, index) => {
    const body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    all("th[aria-sort]", head.parentElement).forEach((th) => th.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => before(key(a, index), key(b, index)));
    body.append(...(down ? rows.reverse() : rows));
  };
  all("thead th").forEach((head) => {
    const table = head.closest("table");
    if (table.className === "fixed" || table.tBodies[0].rows.length < 2) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(head, head.cellIndex));
  });

  all(".save").forEach((button) => button.addEventListener("click", () => {
    const text = document.getElementById(button.dataset.from).textContent;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = button.dataset.name;
    link.click();
    URL.revokeObjectURL(link.href);
  }));
})();
