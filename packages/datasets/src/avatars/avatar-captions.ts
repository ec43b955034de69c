import { type AttributeTable, DataError } from "@mmgen/core";
import { avatarParts } from "./avatar-parts.js";

const attributes: AttributeTable["attributes"] = avatarParts.map(({ name, values }) => ({
  name,
  values: values.map(({ value }) => value),
}));
const column = Object.fromEntries(attributes.map(({ name }, i) => [name, i])) as Readonly<Record<string, number>>;

/** The words around a hair color. */
const hairWords: Readonly<Record<string, readonly [before: string, after: string]>> = {
  quiff: ["a", "quiff"],
  mohawk: ["a", "mohawk"],
  swept: ["swept", "hair"],
  long: ["long", "hair"],
  bob: ["a", "bob"],
  turban: ["a", "turban"],
};

/** A table with the attributes of avatars. */
export function avatarTable(labels: Int32Array): AttributeTable {
  return { count: labels.length / attributes.length, attributes, labels };
}

/**
 * The caption of an avatar: "a smiling tan person with closed eyes and long red hair and round glasses and a beard in a blue
 * sweater on pink".
 *
 * One grammar, of 14 to 23 words and no commas; open eyes and what is not there are left out.
 *
 * @param labels - Of each attribute the index of its value, as the table of {@link avatarAttributes} has them.
 */
export function avatarCaption(labels: ArrayLike<number>): string {
  const said = (name: string): string => {
    const value = attributes[column[name]!]!.values[labels[column[name]!]!];
    if (value === undefined) {
      throw new DataError(`avatarCaption: expected the index of a value of "${name}", got ${labels[column[name]!]}.`);
    }
    return value;
  };
  const [before, after] = hairWords[said("hair")]!;
  const features = [
    ...(said("eyes") === "closed" ? ["closed eyes"] : []),
    `${before} ${said("hair color")} ${after}`,
    ...(said("glasses") === "none" ? [] : [`${said("glasses")} glasses`]),
    ...(said("beard") === "none" ? [] : ["a beard"]),
  ];
  return (
    `a ${said("expression")} ${said("skin")} person with ${features.join(" and ")} ` +
    `in a ${said("clothes color")} ${said("clothes")} on ${said("background")}`
  );
}

/** The words of all captions of avatars, sorted. */
export const avatarWords: readonly string[] = [
  ...new Set([
    ..."a person with eyes hair glasses and in on".split(" "),
    ...attributes.flatMap(({ values }) => values).filter((value) => value !== "none" && value !== "open"),
  ]),
].sort();

/**
 * What captions of avatars say, read back: exactly for the captions of `loadAvatars`, and attribute by attribute for any
 * other text, such as a model's or a person's; the first of two values counts. −1 where it does not tell; a caption that
 * names clothes and background says by what it leaves out that eyes are open and that there are no glasses and no beard.
 * Capitals, commas and other words are passed over.
 *
 * @returns One row a caption; yours.
 */
export function avatarAttributes(captions: readonly string[]): AttributeTable {
  const table = avatarTable(new Int32Array(captions.length * attributes.length));
  for (const [i, caption] of captions.entries()) {
    table.labels.set(labelsOf(caption), i * attributes.length);
  }
  return table;
}

const oneOf = (name: string) => attributes[column[name]!]!.values.join("|");
const hairNouns = [...new Set(Object.values(hairWords).map(([, after]) => after))].join("|");
const words = (pattern: string) => new RegExp(`\\b(?:${pattern})(?![\\w-])`);
/** For each attribute where its value stands, as the first group. */
const patterns: Readonly<Record<string, RegExp>> = {
  expression: words(`(${oneOf("expression")})`),
  skin: words(`(${oneOf("skin")})`),
  eyes: words(`(${oneOf("eyes")}) eyes`),
  hair: words(`(${oneOf("hair")})`),
  "hair color": words(`(${oneOf("hair color")}) (?:[\\w-]+ )?(?:${hairNouns})`),
  glasses: words(`(round|square) (?:[\\w-]+ )?glasses`),
  beard: words("(beard)"),
  clothes: words(`(${oneOf("clothes")})`),
  "clothes color": words(`(${oneOf("clothes color")}) (?:[\\w-]+ )?(?:${oneOf("clothes")})`),
  background: words(`on (?:an? )?(${oneOf("background")})`),
};
/** What a caption says by leaving it out, unless it has this word. */
const leftOut: Readonly<Record<string, readonly [value: string, word: RegExp]>> = {
  eyes: ["open", words("eyes")],
  glasses: ["none", words("glasses")],
  beard: ["none", words("beard")],
};

function labelsOf(caption: string): number[] {
  const text = caption.toLowerCase().replaceAll(/[\s,.]+/g, " ");
  const isWhole = patterns.clothes!.test(text) && patterns.background!.test(text);
  return attributes.map(({ name, values }) => {
    const found = patterns[name]!.exec(text)?.[1];
    const [value, word] = leftOut[name] ?? [];
    const implied = isWhole && word?.test(text) === false ? value : undefined;
    return values.indexOf(found ?? implied ?? "");
  });
}
