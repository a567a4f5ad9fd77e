// Names the landmarks of a desk page, and remembers in this browser which groups of the side somebody opened or folded. The group of the page one is on stays open.
document.addEventListener("DOMContentLoaded", () => {
    const shelf = "desk-side-groups";
    const kept = () => { try { return JSON.parse(localStorage.getItem(shelf)) || {}; } catch { return {}; } };
    document.querySelectorAll(".side-group").forEach((group) => {
        const known = kept()[group.dataset.name];
        if (known !== undefined && !group.querySelector("[aria-current]")) group.open = known;
        group.querySelector("summary").addEventListener("click", () => {
            try { localStorage.setItem(shelf, JSON.stringify({...kept(), [group.dataset.name]: !group.open})); } catch { /* private windows keep nothing */ }
        });
    });
    // The rows of tabs are named after what they hold, so that a screen reader tells them from the menu.
    document.querySelectorAll("#tabs-items, [x-data*=activeFieldsetTab] > div > nav").forEach((tabs) => {
        tabs.setAttribute("aria-label", [...tabs.querySelectorAll(":scope > a")].map((one) => one.firstChild.textContent.trim()).join(", "));
    });
    window.addEventListener("load", () => document.querySelectorAll("#main .simplebar-content-wrapper").forEach((list, at) => list.setAttribute("aria-label", at ? `${document.title} (${at + 1})` : document.title)));
    document.querySelector("#nav-sidebar-apps [aria-current]")?.scrollIntoView({block: "nearest"});
});
