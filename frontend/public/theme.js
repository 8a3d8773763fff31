// Before the first paint: the theme, density and language that this browser was last told, so that the page does not flash in another.
(function () {
  var known = {};
  try {
    known = JSON.parse(localStorage.getItem("headrace-preferences") || "{}") || {};
  } catch {
    // A browser that refuses storage gets the theme of its system.
  }
  var dark = known.theme === "dark" || (known.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  var page = document.documentElement;
  page.dataset.theme = dark ? "dark" : "light";
  page.dataset.density = known.density === "compact" ? "compact" : "comfortable";
  if (known.language === "en" || known.language === "de") page.lang = known.language;
})();
