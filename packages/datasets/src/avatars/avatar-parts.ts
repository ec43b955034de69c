/** Options that DiceBear takes for the style `micah`. */
export type DiceBearOptions = Readonly<Record<string, number | readonly string[]>>;

/** One value of an attribute of avatars. */
export interface AvatarValue {
  /** As tables call it. */
  readonly value: string;
  /** What DiceBear is asked for. */
  readonly options: DiceBearOptions;
}

/** Something that avatars differ in, tellable at 64 × 64 pixels. */
export interface AvatarPart {
  /** As tables call it. */
  readonly name: string;
  readonly values: readonly AvatarValue[];
}

const part = (name: string, values: Readonly<Record<string, DiceBearOptions>>): AvatarPart => ({
  name,
  values: Object.entries(values).map(([value, options]) => ({ value, options })),
});
const colors = (option: string, levels: Readonly<Record<string, string>>): Record<string, DiceBearOptions> =>
  Object.fromEntries(Object.entries(levels).map(([name, hex]) => [name, { [option]: [hex] }]));
const hair = (color: string, mouth: string) => ({
  hairColor: [color],
  facialHairColor: [color],
  // Lines that can be seen on a beard of that color; onto skin, all are black.
  beardMouthColor: [mouth],
});

/** The attributes in the order of labels. Each value is drawn equally often; "none" is one. */
export const avatarParts: readonly AvatarPart[] = [
  part("expression", {
    smiling: { mouth: ["smile"] },
    laughing: { mouth: ["laughing"] },
    surprised: { mouth: ["surprised"] },
    nervous: { mouth: ["nervous"] },
    sad: { mouth: ["frown"] },
  }),
  part("skin", {
    pale: { baseColor: ["fcdccb"], glassesColor: ["000000"] },
    tan: { baseColor: ["e0a974"], glassesColor: ["000000"] },
    dark: { baseColor: ["9a5c3a"], glassesColor: ["ffffff"] },
  }),
  part("eyes", {
    open: { eyes: ["eyes"] },
    closed: { eyes: ["smiling"] },
  }),
  part("hair", {
    quiff: { hair: ["fonze"] },
    mohawk: { hair: ["mrT"] },
    swept: { hair: ["dannyPhantom"] },
    long: { hair: ["full"] },
    bob: { hair: ["pixie"] },
    turban: { hair: ["turban"] },
  }),
  part("hair color", {
    black: hair("17171f", "ffffff"),
    brown: hair("693c17", "ffffff"),
    red: hair("d1441f", "000000"),
    blond: hair("f4d150", "000000"),
    gray: hair("b9b9c2", "000000"),
    blue: hair("4a6fe3", "000000"),
  }),
  part("glasses", {
    none: { glassesProbability: 0 },
    round: { glassesProbability: 100, glasses: ["round"] },
    square: { glassesProbability: 100, glasses: ["square"] },
  }),
  part("beard", {
    none: { facialHairProbability: 0 },
    beard: { facialHairProbability: 100, facialHair: ["beard"] },
  }),
  part("clothes", {
    sweater: { shirt: ["crew"] },
    "t-shirt": { shirt: ["open"] },
    shirt: { shirt: ["collared"] },
  }),
  part(
    "clothes color",
    colors("shirtColor", {
      red: "e8433f",
      yellow: "ffd84d",
      green: "3fae5a",
      blue: "3b7ddd",
      purple: "8e5bd0",
      white: "ffffff",
    }),
  ),
  part(
    "background",
    colors("backgroundColor", {
      pink: "ffa6c9",
      yellow: "ffe675",
      green: "9fe0a3",
      blue: "9fd0ff",
      gray: "c9c9c9",
      orange: "ffb870",
    }),
  ),
];
