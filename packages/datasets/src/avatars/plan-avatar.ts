import { Random } from "@mmgen/core";
import { avatarParts, type DiceBearOptions } from "./avatar-parts.js";

/** The splits, and how many of eight combinations of attributes are whose. */
const sharesOfSplits = { train: 6, validation: 1, test: 1 } as const;
const splits = Object.keys(sharesOfSplits).flatMap((split) =>
  new Array<AvatarSplit>(sharesOfSplits[split as AvatarSplit]).fill(split as AvatarSplit),
);

/** A set of avatars that shares no combination of attributes with the others. */
export type AvatarSplit = keyof typeof sharesOfSplits;

/** What the license of the drawings asks to be said beside them. */
export const avatarAttribution =
  'Remix of "Avatar Illustration System" by Micah Lanier (https://www.figma.com/community/file/829741575478342595), ' +
  "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), composed by DiceBear.";

/** An avatar before it is drawn. */
export interface AvatarPlan {
  /**
   * Of each attribute the index of its value, both as the table of `avatarAttributes` has them; `avatarCaption` says them in
   * words.
   */
  readonly labels: readonly number[];
  /** What DiceBear is asked for, so that nothing is left to its own draws. */
  readonly options: DiceBearOptions;
}

/**
 * Chooses the attributes of an avatar, each value equally likely, and what varies beside them: nose, eyebrows, ears, place,
 * size and tilt.
 *
 * A pure function of its arguments. Which split a combination of attributes belongs to does not depend on the seed.
 *
 * @param index - Number of the avatar in its split, from 0.
 */
export function planAvatar(seed: number, split: AvatarSplit, index: number): AvatarPlan {
  const random = Random.fromSeed(seed).fork("avatars").fork(split).fork(index);
  let labels: number[];
  do {
    labels = avatarParts.map(({ values }) => random.integer(values.length));
  } while (splitOf(labels) !== split);
  const chosen = labels.map((label, i) => avatarParts[i]!.values[label]!.options);
  return { labels, options: compose(Object.assign(drawVariation(random), ...chosen)) };
}

function splitOf(labels: readonly number[]): AvatarSplit {
  let combination = 0;
  for (const [i, label] of labels.entries()) {
    combination = combination * avatarParts[i]!.values.length + label;
  }
  return splits[Random.fromSeed(combination).fork("split").integer(splits.length)]!;
}

/** Lines of the mouth are black, and light on a dark beard. */
function compose({ beardMouthColor, ...options }: DiceBearOptions): DiceBearOptions {
  return options.facialHairProbability === 100 && beardMouthColor !== undefined
    ? { ...options, mouthColor: beardMouthColor }
    : options;
}

function drawVariation(random: Random): DiceBearOptions {
  const pick = (...values: readonly string[]) => [values[random.integer(values.length)]!];
  const between = (low: number, high: number) => low + (high - low) * random.uniform();
  return {
    nose: pick("curve", "pointed", "tound"),
    eyebrows: pick("up", "down"),
    ears: pick("attached", "detached"),
    earringsProbability: 0,
    // Percent of the side to the right and down; percent of the size; degrees. The shoulders reach the lower edge.
    translateX: between(-4, 4),
    translateY: between(-3.5, -0.5),
    scale: between(110, 116),
    rotate: between(-2.5, 2.5),
  };
}
