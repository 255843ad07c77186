// Solves the proof-of-work puzzle of the page "One moment" and submits its form. Without this file, or in a
// browser that cannot solve it, the visitor waits and presses the button, as the page says.

const form = document.querySelector("[data-puzzle]");
const solving = form.querySelector("[data-solving]");
const waiting = form.querySelector("[data-waiting]");
const puzzle = form.dataset.puzzle && JSON.parse(form.dataset.puzzle);

const GIVE_UP_SECONDS = 60;
const workers = [];

const show = (isSolving) => {
  solving.hidden = !isSolving;
  waiting.hidden = isSolving;
};

const stop = () => workers.splice(0).forEach((worker) => worker.terminate());

const giveUp = () => {
  stop();
  show(false);
};

const send = (solution) => {
  stop();
  form.elements.altcha.value = btoa(JSON.stringify({ challenge: puzzle, solution }));
  form.submit();
};

// Each of n workers tries every n-th number; the first solution stops them all.
const solve = () => {
  show(true);
  const step = Math.min(navigator.hardwareConcurrency || 1, 4);
  for (let start = 0; start < step; start++) {
    const worker = new Worker(form.dataset.worker);
    worker.onmessage = ({ data }) => (data?.derivedKey ? send(data) : giveUp());
    worker.onerror = giveUp;
    worker.postMessage({ type: "work", challenge: puzzle, counterStart: start, counterStep: step });
    workers.push(worker);
  }
  setTimeout(giveUp, GIVE_UP_SECONDS * 1000);
};

// After the browser's "back" show the button, not a puzzle that was used.
addEventListener("pageshow", (event) => event.persisted && giveUp());

if (puzzle && globalThis.Worker && globalThis.crypto?.subtle) {
  try {
    solve();
  } catch {
    giveUp();
  }
}
