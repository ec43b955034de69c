/** Colors of a figure, as CSS hex. */
export interface Theme {
  readonly background: string;
  /** Titles and captions. */
  readonly ink: string;
  /** Axis labels and notes. */
  readonly muted: string;
  /** Grid lines and the hairline around images. */
  readonly line: string;
  readonly correct: string;
  readonly wrong: string;
  /** Colors of series, in order; distinguishable with the common color-vision deficiencies. */
  readonly series: readonly string[];
  /** Colors of classes, where there are more of them than series. */
  readonly categories: readonly string[];
}

/** The names of the built-in themes. */
export const themeNames = ["light", "dark"] as const;
/** The name of one of the built-in themes. */
export type ThemeName = (typeof themeNames)[number];

const themes: Readonly<Record<ThemeName, Theme>> = {
  light: {
    background: "#ffffff",
    ink: "#1b1f24",
    muted: "#667079",
    line: "#dfe3e8",
    correct: "#1f7a4d",
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
    correct: "#5cc28e",
    wrong: "#ef8379",
    series: ["#79aef0", "#f0a35e", "#5fc4b4", "#c995df"],
    categories: [
      ...["#79aef0", "#f0a35e", "#6fcf8b", "#ef8379", "#c995df"],
      ...["#c79a7c", "#f09ccd", "#a7b0b9", "#d6cb55", "#5ccfe0"],
    ],
  },
};

/** The colors of a theme. */
export function themeColors(name: ThemeName): Theme {
  return themes[name];
}

/** The color of the `index`-th series; colors repeat when there are more series. */
export function seriesColor(index: number, theme: Theme): string {
  return theme.series[index % theme.series.length]!;
}

/** The color of the `index`-th class; colors repeat when there are more classes. */
export function categoryColor(index: number, theme: Theme): string {
  return theme.categories[index % theme.categories.length]!;
}
