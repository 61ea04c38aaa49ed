// Dark or light: as the machine has it, until the button says otherwise.

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Use the machine's look; `tell` is called with every change. */
export function beginTheme(button, tell) {
  const use = (theme = dark.matches ? "dark" : "light") => {
    document.documentElement.dataset.theme = theme;
    tell();
  };
  dark.addEventListener("change", () => use());
  button.addEventListener("click", () => {
    const { theme } = document.documentElement.dataset;
    use(theme === "dark" ? "light" : "dark");
  });
  use();
}
