// Find a State by its name in any of the eight languages, whatever accents or alphabet are typed.
// Without this file the picker is a list to choose from.

const LATIN = {
  а: "a", ә: "a", б: "b", в: "v", г: "g", ғ: "g", ґ: "g", д: "d", е: "e", є: "e", ё: "e", ж: "zh", з: "z", и: "i", і: "i",
  ї: "i", й: "i", к: "k", қ: "k", л: "l", м: "m", н: "n", ң: "n", о: "o", ө: "o", п: "p", р: "r", с: "s", т: "t", у: "u",
  ұ: "u", ү: "u", ф: "f", х: "h", һ: "h", ц: "ts", ч: "ch", ш: "sh", щ: "sh", ы: "i", э: "e", ю: "iu", я: "ia", ø: "o", ł: "l",
};

const fold = (text) =>
  [...text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "")]
    .map((letter) => LATIN[letter] ?? letter)
    .join("")
    .replace(/[ijy]+/g, "i")
    .replace(/kh/g, "h")
    .replace(/q/g, "k")
    .replace(/w/g, "v")
    .replace(/[^a-z ]/g, " ")
    .trim();

// 0 for a name that begins with what was typed, 1 for one of its words, 2 inside; otherwise not found.
const rank = (names, wanted) => {
  const ranks = names.map((name) => {
    const at = ` ${name}`.indexOf(` ${wanted}`);
    if (at >= 0) return at ? 1 : 0;
    return wanted.length > 2 && name.includes(wanted) ? 2 : 9;
  });
  return Math.min(...ranks);
};

const box = document.querySelector("[data-picker]");
const select = box?.querySelector("select");

const build = () => {
  const options = [...select.options].slice(1).map(({ value, text }) => ({ value, text, names: [fold(text)] }));
  const input = document.createElement("input");
  const list = document.createElement("ul");
  const said = document.createElement("p");
  let shown = [];
  let active = -1;

  const attributes = {
    id: "state-name", type: "text", class: "input", role: "combobox", autocomplete: "off", autocapitalize: "words",
    spellcheck: "false", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "state-list",
    placeholder: box.dataset.hint,
  };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  }
  list.id = "state-list";
  list.className = "found";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.dataset.list);
  list.hidden = true;
  said.className = "unseen";
  said.setAttribute("role", "status");

  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (option) => {
    select.value = option.value;
    input.value = option.text;
    said.textContent = "";
    said.className = "unseen";
    close();
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    const item = list.children[index];
    if (item) {
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const find = () => {
    const wanted = fold(input.value);
    shown = options
      .map((option) => ({ option, rank: wanted ? rank(option.names, wanted) : 0 }))
      .filter((each) => each.rank < 9)
      .sort((one, other) => one.rank - other.rank)
      .map((each) => each.option);
  };
  const open = () => {
    find();
    list.replaceChildren(
      ...shown.map((option) => {
        const item = document.createElement("li");
        item.id = `state-${option.value}`;
        item.setAttribute("role", "option");
        item.textContent = option.text;
        item.addEventListener("pointerdown", (event) => event.preventDefault());
        item.addEventListener("click", () => choose(option));
        return item;
      }),
    );
    const isNone = !shown.length;
    said.className = isNone ? "fault" : "unseen";
    said.textContent = isNone ? box.dataset.none : "";
    list.hidden = isNone;
    input.setAttribute("aria-expanded", String(!isNone));
    mark(input.value.trim() && shown.length ? 0 : -1);
  };

  // The names in the other languages are fetched when somebody is about to type.
  let isAsked = false;
  const ask = async () => {
    if (isAsked) return;
    isAsked = true;
    try {
      const names = await (await fetch(box.dataset.picker)).json();
      for (const option of options) option.names.push(...(names[option.value] ?? []).map(fold));
      if (document.activeElement === input && !select.value) open();
    } catch {
      isAsked = false; // offline for a moment: the names in this language are here
    }
  };

  input.addEventListener("focus", ask);
  input.addEventListener("click", open);
  input.addEventListener("input", () => {
    select.value = "";
    input.removeAttribute("aria-invalid");
    open();
  });
  input.addEventListener("blur", () => {
    find();
    if (!select.value && fold(input.value) && shown.length) choose(shown[0]);
    else close();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) open();
      if (shown.length) mark((active + step + shown.length) % shown.length);
    } else if (event.key === "Enter" && !list.hidden && active >= 0) {
      event.preventDefault();
      choose(shown[active]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });

  select.hidden = true;
  document.querySelector("label[for=state]").htmlFor = input.id;
  select.after(input, list, said);
  const restore = () => { if (select.value) input.value = select.selectedOptions[0].text; };
  restore();
  addEventListener("pageshow", restore); // browsers restore the list after "back"
};

if (select) build();
