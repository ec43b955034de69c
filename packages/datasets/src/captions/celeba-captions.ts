import { type AttributeTable, checkAttributeTable, DataError, describeValue } from "@mmgen/core";

/** The 40 attributes of CelebA's table, in its order. */
export const celebaAttributeNames: readonly string[] = (
  "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry " +
  "Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male " +
  "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks " +
  "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace " +
  "Wearing_Necktie Young"
).split(" ");

/** Labels are indices into these. */
const values: readonly string[] = ["no", "yes"];
const attributes: AttributeTable["attributes"] = celebaAttributeNames.map((name) => ({ name, values }));

/** Attributes by the word that states them, in the order of captions; all others are left out of captions. */
const beforeNoun = { smiling: "Smiling", bald: "Bald", young: "Young" };
const hair = {
  straight: "Straight_Hair",
  wavy: "Wavy_Hair",
  black: "Black_Hair",
  blond: "Blond_Hair",
  brown: "Brown_Hair",
  gray: "Gray_Hair",
};
const face = { bangs: "Bangs", stubble: "5_o_Clock_Shadow", goatee: "Goatee", mustache: "Mustache" };
const worn = {
  glasses: "Eyeglasses",
  hat: "Wearing_Hat",
  earrings: "Wearing_Earrings",
  lipstick: "Wearing_Lipstick",
  necklace: "Wearing_Necklace",
  necktie: "Wearing_Necktie",
};
/** Words for single things. */
const counted = ["goatee", "mustache", "beard", "hat", "necklace", "necktie"];

const wordsOfAttributes = Object.entries({ ...beforeNoun, ...hair, ...face, ...worn });
const columnOf = new Map(celebaAttributeNames.map((name, column) => [name, column]));

/** A table with CelebA's attributes around labels of a row an image: 0 for no, 1 for yes, −1 for unknown. */
export function celebaTable(labels: Int32Array): AttributeTable {
  return { count: labels.length / attributes.length, attributes, labels };
}

/**
 * Captions of faces, composed of CelebA's attributes: "a smiling young woman with straight brown hair wearing earrings and
 * lipstick".
 *
 * One grammar, without commas: `a [smiling] [bald] [young] man|woman [with … and …] [wearing … and …]`, of 2 to 41 words.
 * What a caption may state: smiling, bald, young; hair straight, wavy, black, blond, brown, gray; bangs, stubble, a goatee,
 * a mustache, a beard; glasses, a hat, earrings, lipstick, a necklace, a necktie. What it does not is not there, or unknown;
 * the other attributes are left out. {@link celebaAttributes} reads captions back.
 *
 * @param table - With CelebA's 40 attributes, in its order; borrowed.
 * @throws a {@link DataError} for a table with other attributes; a `ShapeError` for one that is none.
 */
export function celebaCaptions(table: AttributeTable): string[] {
  checkAttributeTable(table);
  const { length } = celebaAttributeNames;
  const given = table.attributes.map(({ name }) => name);
  if (given.join() !== celebaAttributeNames.join()) {
    throw new DataError(
      `celebaCaptions: expected CelebA's ${length} attributes in its order, got ${given.length}: ${describeValue(given)}.`,
    );
  }
  return Array.from({ length: table.count }, (_, row) => {
    const labels = table.labels.subarray(row * length, (row + 1) * length);
    return compose((name) => labels[columnOf.get(name)!]!);
  });
}

function compose(labelOf: (name: string) => number): string {
  const stated = (words: Readonly<Record<string, string>>) =>
    Object.keys(words).filter((word) => labelOf(words[word]!) === 1);
  const looks = stated(hair);
  const withWords = [
    ...(looks.length > 0 ? [[...looks, "hair"].join(" ")] : []),
    ...stated(face),
    ...(labelOf("No_Beard") === 0 ? ["beard"] : []),
  ];
  return [
    "a",
    ...stated(beforeNoun),
    labelOf("Male") === 1 ? "man" : "woman",
    ...clause("with", withWords),
    ...clause("wearing", stated(worn)),
  ].join(" ");
}

function clause(verb: string, things: readonly string[]): string[] {
  const named = things.map((thing) => (counted.includes(thing) ? `a ${thing}` : thing));
  return named.length === 0 ? [] : [verb, named.join(" and ")];
}

/**
 * Reads captions of {@link celebaCaptions} back: 1 for what is stated, 0 for what could have been and is not, −1 for the
 * attributes that captions leave out. Capitals, commas and other words are passed over; a caption that names neither a man
 * nor a woman is unknown in all.
 *
 * @returns A table with CelebA's 40 attributes, one row a caption; yours.
 */
export function celebaAttributes(captions: readonly string[]): AttributeTable {
  const { length } = celebaAttributeNames;
  const labels = new Int32Array(captions.length * length).fill(-1);
  for (const [i, caption] of captions.entries()) {
    const words = new Set(caption.toLowerCase().split(/[\s,]+/));
    if (words.has("man") === words.has("woman")) {
      continue;
    }
    const set = (name: string, label: boolean) => {
      labels[i * length + columnOf.get(name)!] = Number(label);
    };
    set("Male", words.has("man"));
    set("No_Beard", !words.has("beard"));
    for (const [word, name] of wordsOfAttributes) {
      set(name, words.has(word));
    }
  }
  return celebaTable(labels);
}
