// Shows a wording as it would read, a moment after it was typed. What is not right is said above the last good preview.
(() => {
  const form = document.querySelector("[data-wording]");
  if (!form) return;
  const part = (name) => document.querySelector(`[data-${name}]`);
  let timer, asked = 0;
  const show = async () => {
    const mine = ++asked;
    const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    if (!answer.ok || mine !== asked) return;
    const told = await answer.json();
    part("faults").hidden = !told.faults;
    part("faults").textContent = (told.faults || []).join(" ");
    if (told.faults) return;
    part("subject").textContent = told.subject;
    part("text").textContent = told.text;
    part("html").srcdoc = told.html;
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, 400); });
})();
