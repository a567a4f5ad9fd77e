// Shows a wording as it would read, a moment after it was typed. What is not right is said above the last good preview.
// The page of a wording is its form; on the page of a mailing the preview stands beside the form and has fields of its own.
(() => {
  const box = document.querySelector("[data-previews]");
  const form = document.querySelector("[data-wording]") || (box && document.getElementById(box.dataset.previews));
  if (!form) return;
  const part = (name) => document.querySelector(`[data-${name}]`);
  const address = (box || form).dataset.preview;
  const typed = () => {
    const told = new FormData(form);
    if (box) for (const field of box.querySelectorAll("[name]")) told.set(field.name, field.value);
    return told;
  };
  let timer, asked = 0;
  const show = async () => {
    const mine = ++asked;
    const answer = await fetch(address, { method: "POST", body: typed(), credentials: "same-origin" });
    if (!answer.ok || mine !== asked) return;
    const told = await answer.json();
    part("faults").hidden = !told.faults;
    part("faults").textContent = (told.faults || []).join(" ");
    if (told.faults) return;
    part("subject").textContent = told.subject;
    part("text").textContent = told.text;
    part("html").srcdoc = told.html;
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(show, 400); };
  for (const place of box ? [form, box] : [form]) place.addEventListener("input", later);
})();
