// The rows of a segment: each shows the inputs of what it is about; the sentence and the number of members follow while one types.
document.addEventListener("DOMContentLoaded", () => {
    const rules = document.querySelector("[data-rules]");
    const place = window.location.pathname.match(/^(.*\/segments\/segment\/)/);
    if (!rules || !place) return;
    const form = rules.closest("form"), rows = rules.querySelector("[data-rows]"), said = rules.querySelector("[data-said]");
    const add = rules.querySelector("[data-add]"), blank = rules.querySelector("[data-blank]");
    let next = rows.children.length, waiting = null, asked = 0;
    const arrange = () => {
        const used = new Set();
        rows.querySelectorAll("[data-row]").forEach((row) => {
            const about = row.querySelector("[data-about-choice]").value;
            row.querySelectorAll("[data-about]").forEach((part) => { part.hidden = part.dataset.about !== about; });
            row.querySelector("[data-remove]").hidden = false;
            if (about) used.add(row.querySelector("[data-group]").value);
        });
        rules.querySelectorAll("[data-match]").forEach((label) => {
            const group = label.dataset.match;
            label.hidden = group === "all" ? used.size < 2 : [...rows.querySelectorAll("[data-row]")].filter((row) =>
                row.querySelector("[data-about-choice]").value && row.querySelector("[data-group]").value === group).length < 2;
        });
        add.hidden = rows.children.length >= Number(rules.dataset.most);
    };
    const ask = async () => {
        const mine = ++asked;
        try {
            const answer = await fetch(place[1] + "count/", {method: "POST", body: new FormData(form)});
            const {words, count, sample, problems} = await answer.json();
            if (mine === asked) said.textContent = problems.length ? problems.join(" ") : words ? `${count}: ${words}.` + (sample ? ` (${sample}, …)` : "") : count;
        } catch { /* the page works without it */ }
    };
    const later = () => { arrange(); clearTimeout(waiting); waiting = setTimeout(ask, 500); };
    add.addEventListener("click", () => {
        const box = document.createElement("div");
        box.innerHTML = blank.innerHTML.replaceAll(rules.dataset.name + "-__", rules.dataset.name + "-" + next++);
        rows.append(box.firstElementChild);
        arrange();
        rows.lastElementChild.querySelector("[data-about-choice]").focus();
    });
    rows.addEventListener("click", (event) => {
        if (!event.target.closest("[data-remove]")) return;
        event.target.closest("[data-row]").remove();
        add.focus();
        later();
    });
    rules.addEventListener("input", later);
    rules.addEventListener("change", later);
    arrange();
    ask();
});
