"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const root = document.documentElement;
  const [form, seek, menu, reason, found, theme] =
    ["filter", "seek", "menu", "reason", "found", "theme"].map(byId);

  // A page from a file may have no storage.
  const stored = (storage, key, value) => {
    try {
      return value === undefined ? window[storage].getItem(key) : window[storage].setItem(key, value);
    } catch {
      return null;
    }
  };

  // Light and dark.
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => {
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  };
  const chosen = stored("localStorage", "kbisect-theme");
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored("localStorage", "kbisect-theme", root.dataset.theme);
    name();
  });
  dark.addEventListener("change", name);
  name();

  // Search and filter.
  const lists = {
    options: "options",
    lines: "lines of the config",
    removed: "removed",
    free: "other lines of the start",
    trials: "trials",
  };
  const items = all(".item");
  // An entry has what the group has in which it is.
  const has = (item, key) => item.dataset[key] ?? item.closest("[data-list]").dataset[key] ?? "";
  const groups = all("details.fold").filter((fold) => fold.querySelector(".item"));
  const chunks = all(".chunk, .part");
  const texts = new Map();
  const textOf = (item) => {
    let text = texts.get(item);
    if (text === undefined) {
      const parts = item.matches("details") ? [item.firstElementChild, item.querySelector("dl")] : [item];
      text = parts.map((part) => part.textContent).join(" ").toLowerCase();
      texts.set(item, text);
    }
    return text;
  };
  const openedBySearch = new Set();
  let announce = 0;
  const apply = () => {
    const words = seek.value.toLowerCase().replace(/config_/g, "").split(/\s+/).filter(Boolean);
    const isOn = words.length > 0 || menu.value !== "" || reason.value !== "";
    const [shown, of] = [{}, {}];
    for (const item of items) {
      const list = has(item, "list");
      const isOfTrials = list === "trials";
      const isIn =
        (isOfTrials || !menu.value || has(item, "menu") === menu.value) &&
        (isOfTrials || !reason.value || has(item, "reason") === reason.value) &&
        words.every((word) => textOf(item).includes(word));
      item.hidden = !isIn;
      of[list] = (of[list] || 0) + 1;
      shown[list] = (shown[list] || 0) + (isIn ? 1 : 0);
    }
    for (const group of groups) {
      const isFull = group.querySelector(".item:not([hidden])") !== null;
      group.hidden = group.matches(".group") && !isFull;
      if (isOn && isFull && !group.open) {
        group.open = true;
        openedBySearch.add(group);
      } else if (!isOn && openedBySearch.delete(group)) {
        group.open = false;
      }
    }
    for (const chunk of chunks) chunk.hidden = chunk.querySelector(".item:not([hidden])") === null;
    clearTimeout(announce);
    announce = setTimeout(() => {
      const counts = Object.keys(of).map((list) => `${shown[list]} of ${of[list]} ${lists[list]}`);
      found.textContent = isOn ? `Found ${counts.join(", ")}.` : "";
    }, 150);
  };
  const offer = (select, key) => {
    const values = new Set(items.map((item) => has(item, key)).filter(Boolean));
    for (const value of Array.from(values).sort((a, b) => a.localeCompare(b))) select.append(new Option(value, value));
  };
  offer(menu, "menu");
  offer(reason, "reason");
  let wait = 0;
  seek.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(apply, items.length > 5000 ? 200 : 0);
  });
  menu.addEventListener("change", apply);
  reason.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  document.addEventListener("keydown", (event) => {
    const isText = event.target instanceof Element && event.target.matches("input, select, textarea");
    if (event.key === "/" && !isText && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      seek.focus();
      seek.select();
    } else if (event.key === "Escape" && event.target === seek) {
      seek.value = "";
      apply();
    }
  });

  // Links to what is folded, or filtered out.
  const reveal = () => {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      return;
    }
    const target = id && byId(id);
    if (!target) return;
    if (target.hidden || target.closest("[hidden]")) {
      seek.value = menu.value = reason.value = "";
      apply();
    }
    for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a");
    // The same link again changes no hash.
    if (link && (link.getAttribute("href") || "").startsWith("#") && link.getAttribute("href") === location.hash) reveal();
  });

  // Unfold and fold.
  for (const controls of all(".controls")) controls.hidden = false;
  for (const button of all("[data-unfold], [data-fold]")) {
    const within = byId(button.dataset.unfold || button.dataset.fold);
    button.addEventListener("click", () => {
      for (const option of all("details.option", within)) option.open = "unfold" in button.dataset;
    });
  }

  // Copy.
  for (const button of all(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        window.getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }

  // On paper, all options are unfolded.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details.option:not([open])");
    for (const option of folded) option.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const option of folded) option.open = false;
  });

  // A page that is served is loaded anew when the run went on.
  const version = root.dataset.version;
  if (version === undefined) {
    reveal();
    return;
  }
  history.scrollRestoration = "manual";
  const key = `kbisect-place ${location.pathname}`;
  const keep = () => {
    const place = {
      open: all("details[open]").filter((d) => d.id && !openedBySearch.has(d)).map((d) => d.id),
      shut: all("details:not([open])").filter((d) => d.id).map((d) => d.id),
      values: [seek.value, menu.value, reason.value],
      focus: document.activeElement ? document.activeElement.id : "",
      said: found.textContent,
      top: window.scrollY,
    };
    stored("sessionStorage", key, JSON.stringify(place));
  };
  const restore = () => {
    let place = null;
    try {
      place = JSON.parse(stored("sessionStorage", key));
      sessionStorage.removeItem(key);
    } catch {
      return false;
    }
    if (!place) return false;
    for (const id of place.open) if (byId(id)) byId(id).open = true;
    for (const id of place.shut) if (byId(id)) byId(id).open = false;
    [seek.value, menu.value, reason.value] = place.values;
    apply();
    found.textContent = place.said;
    if (place.focus && byId(place.focus)) byId(place.focus).focus({ preventScroll: true });
    window.scrollTo(0, place.top);
    return true;
  };
  if (!restore()) reveal();
  let failures = 0;
  const poll = async () => {
    try {
      const answer = await fetch("./version", { cache: "no-store" });
      if (answer.ok) {
        failures = 0;
        if ((await answer.text()).trim() !== version) {
          keep();
          location.reload();
          return;
        }
      } else failures += 1;
    } catch {
      failures += 1;
    }
    if (failures < 5) setTimeout(poll, 2000);
    else found.textContent = "The report is no longer served: this is its last state.";
  };
  setTimeout(poll, 2000);
})();
