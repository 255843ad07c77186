// Conveniences of the pages after signing; campaign.js comes before it. Without it they say all that matters.

// Show where the mail went.
for (const mailed of all("[data-mailed]")) {
  if (!typed || typed.isChange) continue;
  const change = mailed.querySelector("[data-change]");
  mailed.querySelector("[data-address]").textContent = typed.email;
  change.href = typed.path;
  change.addEventListener("click", () => keepTyped({ ...typed, isChange: true }));
  mailed.hidden = false;
  // "Back" shows the page from memory; by then somebody else may sit there.
  addEventListener("pagehide", () => mailed.remove());
}

for (const button of all("[data-share]")) {
  if (!navigator.share) continue;
  button.hidden = false;
  const { title, text, share: url } = button.dataset;
  // Rejected when the sharer changes their mind.
  button.addEventListener("click", () => navigator.share({ title, text, url }).catch(() => {}));
}
