import { ConfigError } from "@mmgen/core";

/** Colors of an image, as CSS hex. */
export interface Theme {
  readonly background: string;
  /** Titles and captions. */
  readonly ink: string;
  /** Axis labels and notes. */
  readonly muted: string;
  /** Grid lines and the hairline around images. */
  readonly line: string;
  readonly right: string;
  readonly wrong: string;
  /** Colors of series, in order; told apart with the common color-vision deficiencies. */
  readonly series: readonly string[];
  /** Colors of classes, where there are more of them than series. */
  readonly categories: readonly string[];
}

/** The name of one of the built-in themes. */
export type ThemeName = "light" | "dark";

const themes: Readonly<Record<ThemeName, Theme>> = {
  light: {
    background: "#ffffff",
    ink: "#1b1f24",
    muted: "#667079",
    line: "#dfe3e8",
    right: "#1f7a4d",
    wrong: "#b93a32",
    series: ["#2b66b1", "#c9651b", "#1f7a6d", "#8a4aa3"],
    categories: [
      ...["#2b66b1", "#d9772b", "#2f8f4e", "#c23b3b", "#8a4aa3"],
      ...["#8a5a3c", "#d45fa5", "#6b737b", "#a69a1c", "#1f97a8"],
    ],
  },
  dark: {
    background: "#16191d",
    ink: "#e7eaee",
    muted: "#98a2ad",
    line: "#343a42",
    right: "#5cc28e",
    wrong: "#ef8379",
    series: ["#79aef0", "#f0a35e", "#5fc4b4", "#c995df"],
    categories: [
      ...["#79aef0", "#f0a35e", "#6fcf8b", "#ef8379", "#c995df"],
      ...["#c79a7c", "#f09ccd", "#a7b0b9", "#d6cb55", "#5ccfe0"],
    ],
  },
};

/** The colors of a theme. */
export function themeColors(name: ThemeName = "light"): Theme {
  const theme = Object.hasOwn(themes, name) ? themes[name] : undefined;
  if (theme === undefined) {
    throw new ConfigError(`theme: expected "light" or "dark", got "${name}".`);
  }
  return theme;
}

/** The color of the `index`-th series; they come round when there are more series than colors. */
export function seriesColor(index: number, theme: Theme): string {
  return theme.series[index % theme.series.length]!;
}

/** The color of the `index`-th class; they come round when there are more classes than colors. */
export function categoryColor(index: number, theme: Theme): string {
  return theme.categories[index % theme.categories.length]!;
}
