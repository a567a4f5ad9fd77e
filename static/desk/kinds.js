// Shows only the fields that mean something for the kind that is chosen; what has an error stays in sight.
document.addEventListener("DOMContentLoaded", () => {
    const kind = document.querySelector("select[data-keeps]");
    if (!kind) return;
    const keeps = JSON.parse(kind.dataset.keeps);
    const fields = [...new Set(Object.values(keeps).flat())].map((name) => [name, kind.form.querySelector(`.field-${name}`)]);
    const show = () => {
        fields.forEach(([name, field]) => {
            if (field) field.hidden = !(keeps[kind.value] || []).includes(name) && !field.querySelector(".errorlist, .errors");
        });
        kind.form.querySelectorAll(".field-row").forEach((row) => { row.hidden = [...row.querySelectorAll(".field-line")].every((field) => field.hidden); });
    };
    kind.addEventListener("change", show);
    show();
});
