// Light or dark: what was chosen, else what the system says. A classic script, so that it is settled before anything is
// drawn; modules come later.
"use strict";

const KEY = "mmash.theme";

/** What was chosen; none where the browser keeps nothing. */
function stored() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.dispatchEvent(new Event("theme"));
}

apply(stored());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(stored()));
addEventListener("storage", () => apply(stored()));
document.addEventListener("DOMContentLoaded", () => {
  const choice = document.getElementById("theme");
  choice.value = stored();
  choice.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, choice.value);
    } catch {
      // It holds for this page alone.
    }
    apply(choice.value);
  });
});
