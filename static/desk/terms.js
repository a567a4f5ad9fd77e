// Says in plain words what the terms in the form mean, while they are being typed.
document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("#campaign_form, #rule_form, #challenge_form, #expirypolicy_form");
    const place = window.location.pathname.match(/^(.*\/(?:campaigns\/(?:campaign|rule|challenge)|ledger\/expirypolicy)\/)(?:(\d+)\/change)?/);
    if (!form || !place) return;
    const told = document.createElement("p");
    told.className = "desk-said desk-terms";
    told.setAttribute("role", "status");
    form.prepend(told);
    // Sections where something is filled in stand open.
    const says = (field) => ["checkbox", "radio"].includes(field.type) ? field.checked : !["hidden", "submit", "button"].includes(field.type) && field.value;
    form.querySelectorAll("details").forEach((section) => {
        if ([...section.querySelectorAll("input, select, textarea")].some(says) || section.querySelector(".errorlist")) section.open = true;
    });
    let waiting = null;
    const ask = async () => {
        try {
            const answer = await fetch(place[1] + "in-words/" + (place[2] ? "?of=" + place[2] : ""), {method: "POST", body: new FormData(form)});
            const {words, problems} = await answer.json();
            told.textContent = words || problems.join(" ");
        } catch { /* the page works without it */ }
    };
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 400); });
    ask();
});
