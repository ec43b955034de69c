const key = "mmgen-theme";
const themes = ["auto", "light", "dark"] as const;
type Theme = (typeof themes)[number];

/** Makes a button go through the themes: the system's, light, dark; the choice stays. */
export function themeToggle(button: HTMLButtonElement): void {
  const show = (theme: Theme) => {
    document.documentElement.style.colorScheme = theme === "auto" ? "light dark" : theme;
    button.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${theme === "auto" ? "the system's" : theme}`);
    button.title = button.getAttribute("aria-label")!;
  };
  let theme = readTheme();
  show(theme);
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length]!;
    show(theme);
    try {
      localStorage.setItem(key, theme);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  });
}

function readTheme(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(key)) ?? "auto";
  } catch {
    return "auto";
  }
}
