// Conveniences. Every page works without this file; it sends requests to the site alone.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Focus the error summary, so that screen readers read it first, also in browsers that ignore autofocus.
document.querySelector("[data-first]")?.focus();

for (const button of all("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.closest("[data-copier]")?.removeAttribute("hidden");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = button.dataset.copied;
  });
}

// Show how many characters are left; screen readers announce it only near the end.
for (const text of all("[data-most]")) {
  const left = document.createElement("p");
  left.className = "left";
  text.after(left);
  const count = () => {
    const room = text.dataset.most - [...text.value.replace(/\r\n/g, "\n")].length;
    left.textContent = `${text.dataset.left} ${room}`;
    if (room < 100) left.setAttribute("role", "status");
  };
  text.addEventListener("input", count);
  count();
}

// Advice by residence: the style sheet shows it, except in browsers without :has().
// For endangered residences "counted" is preset, unless another choice was made, "public" is disabled, and
// the browser keeps and restores nothing that was typed.
for (const form of all("[data-shown]")) {
  const { disclosure, advised } = form.elements;
  const listed = form.querySelector("[value=listed]");
  const list = form.querySelector("select[name=residence]");
  const open = form.querySelector("[value=public]").parentElement;
  let hasChosen = false;
  let before;
  const advise = () => {
    const chosen = form.querySelector("input[name=residence]:checked");
    const place = chosen === listed ? list.selectedOptions[0] : chosen;
    const kind = place?.value ? place.dataset.advice ?? "elsewhere" : "";
    const isEndangered = kind === "endangered";
    form.dataset.shown = kind;
    open.hidden = isEndangered;
    advised.value = isEndangered ? "yes" : "";
    if (isEndangered && (!hasChosen || disclosure.value === "public")) {
      before ??= disclosure.value;
      disclosure.value = "counted";
    } else if (!isEndangered && before && !hasChosen) {
      disclosure.value = before;
      before = undefined;
    }
    form.dataset.disclosure = disclosure.value;
    form.autocomplete = isEndangered ? "off" : "on";
    for (const each of all("[data-autocomplete]", form)) {
      each.setAttribute("autocomplete", isEndangered ? "off" : each.dataset.autocomplete);
    }
  };
  for (const each of disclosure) each.addEventListener("change", () => { hasChosen = true; });
  list.addEventListener("change", () => { listed.checked = true; });
  form.addEventListener("change", advise);
  // Browsers restore form values, or the whole page, after "back" and "reload".
  addEventListener("pageshow", (event) => {
    if (event.persisted && form.dataset.shown === "endangered") form.reset();
    advise();
  });
}

// The safer form, and the puzzle after it, answer a post, whose fields the browser would send again, and so show,
// after "back" or "reload". From now on this page's place in the history is an ordinary one, with an empty form.
if (document.querySelector("[name=advised][value=yes]")) history.replaceState(null, "", location.href);

// What was typed under a letter, in this tab's memory alone: it shows where the mail went, and fills in the form
// again after "Change the address". Kept for nobody whom it could endanger, and erased by the next page.
const typed = (() => {
  if (document.querySelector("[data-puzzle]")) return null;
  try {
    const text = sessionStorage.getItem("typed");
    sessionStorage.removeItem("typed");
    return JSON.parse(text);
  } catch {
    return null;
  }
})();
const keepTyped = (what) => {
  try {
    sessionStorage.setItem("typed", JSON.stringify(what));
  } catch {
    // Without storage the next page does without it.
  }
};
const FORGOTTEN = ["advised", "consent", "spelling", "website"];
for (const form of all("[data-shown]")) {
  const { email } = form.elements;
  if (typed?.isChange && typed.path === location.pathname) {
    for (const field of form.elements) {
      const given = typed.fields.filter(([name]) => name === field.name).map(([, value]) => value);
      if (!given.length || /hidden|submit/.test(field.type)) continue;
      if (/radio|checkbox/.test(field.type)) field.checked = given.includes(field.value);
      else field.value = given.at(-1); // a residence: the button's, then the list's
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    email.focus();
    // Further letters are listed by the server.
    const further = typed.fields.filter(([name, code]) => name === "also" && code);
    for (const [name, value] of further) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    if (further.length) form.querySelector("[value=choose]")?.click();
  }
  form.addEventListener("submit", () => {
    // Only where the residence has no advice of its own.
    if (form.dataset.shown !== "elsewhere") return;
    // The server takes the address chosen below the field, unless the field was changed meanwhile.
    const spelt = email.value === email.defaultValue && form.querySelector("[name=spelling]:checked");
    const address = spelt ? spelt.dataset.address : email.value;
    const fields = [...new FormData(form)].filter(([name]) => !FORGOTTEN.includes(name));
    keepTyped({ path: location.pathname, email: address, fields: [...fields, ["email", address]] });
  });
}
// The languages above a page take along what was typed under a letter.
const carrier = document.querySelector("[name=carried]");
for (const link of all(".languages a")) {
  link.addEventListener("click", (event) => {
    const { name, email, town, words } = carrier?.form.elements ?? {};
    const isEmpty = ![name, email, town, words].some((field) => field?.value);
    if (isEmpty || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    carrier.formAction = `${link.href}#sign`;
    carrier.value = "y";
    carrier.click();
  });
}

for (const box of all("[data-all]")) {
  const scope = box.closest("fieldset") ?? box.closest("form") ?? document;
  const boxes = all(`[name="${box.dataset.all}"]`, scope);
  box.closest("[hidden]").hidden = false;
  box.addEventListener("change", () => {
    for (const each of boxes) each.checked = box.checked;
  });
  for (const each of boxes) {
    each.addEventListener("change", () => { box.checked = boxes.every(({ checked }) => checked); });
  }
}

// Refresh the counts every minute, and not in a hidden tab. The page itself has them as its language writes them,
// which not every browser knows; mostly the answer is that nothing changed.
const counts = all("[data-count], [data-as-of]");
const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname + location.search);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const each of counts) {
      const key = each.dataset.count;
      const fresh = page.querySelector(key ? `[data-count="${key}"]` : "[data-as-of]");
      if (!fresh || fresh.textContent === each.textContent) continue;
      each.textContent = fresh.textContent;
      if (fresh.dateTime) each.dateTime = fresh.dateTime;
    }
  } catch {
    // Offline for a moment: the page says as of when its numbers are.
  }
};
if (document.querySelector("[data-count]")) setInterval(refresh, 60_000);
