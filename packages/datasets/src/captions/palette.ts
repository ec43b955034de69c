/** A color of the captioned digits: its name in captions and its levels in images. */
export interface PaletteColor {
  /** Two words: "dark green". */
  readonly name: string;
  readonly shade: Shade;
  /** One word, "green". */
  readonly color: string;
  /** Levels 0..3 of red, green and blue. */
  readonly rgb: readonly [number, number, number];
}

/** The first word of a color's name. */
export type Shade = "dark" | "light" | "plain" | "bright" | "normal";

const levels: Record<Shade, Record<string, string>> = {
  light: {
    pink: "323",
    blue: "233",
    gray: "222",
    cyan: "133",
    purple: "213",
    green: "131",
    orange: "321",
    turquoise: "132",
  },
  dark: {
    blue: "002",
    red: "201",
    gray: "111",
    purple: "112",
    yellow: "120",
    magenta: "102",
    green: "121",
    turquoise: "122",
  },
  plain: {
    turquoise: "022",
    purple: "202",
    gold: "320",
    green: "030",
    white: "333",
    yellow: "331",
    black: "000",
    orange: "310",
    brown: "210",
    magenta: "312",
    blue: "003",
  },
  bright: { cyan: "033", yellow: "330", magenta: "303", purple: "223" },
  normal: { red: "300" },
};

/**
 * The 32 colors of the captioned digits, in a fixed order: attributes are indices into this list.
 *
 * No two have the same red, green and blue.
 */
export const palette: readonly PaletteColor[] = Object.entries(levels).flatMap(([shade, colors]) =>
  Object.entries(colors).map(([color, rgb]) => ({
    name: `${shade} ${color}`,
    shade: shade as Shade,
    color,
    rgb: [Number(rgb[0]), Number(rgb[1]), Number(rgb[2])] as const,
  })),
);

const indexByName = new Map(palette.map(({ name }, index) => [name, index]));

/** The index in {@link palette} of "dark green", or -1. */
export function paletteIndex(name: string): number {
  return indexByName.get(name) ?? -1;
}
