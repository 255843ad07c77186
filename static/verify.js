// Hash a file in the browser, and compare it with what was delivered; nothing is uploaded.

for (const check of document.querySelectorAll("[data-check]")) {
  if (!crypto.subtle) continue;
  check.hidden = false;
  const said = check.querySelector("[role=status]");
  check.querySelector("input").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const matches = [...document.querySelectorAll("[data-hash]")].some((each) => each.textContent.trim() === hex);
    said.hidden = false;
    said.className = matches ? "notice is-good" : "notice is-grave";
    said.textContent = matches ? said.dataset.match : said.dataset.differs;
  });
}
