import type { Attribute, AttributeLabels } from "@mmgen/evaluation";
import type { ImageText } from "../model/image-text.js";

/** Attributes that a classifier can learn of images, with the class of each image. */
export interface SaidAttributes {
  readonly attributes: readonly Attribute[];
  readonly labels: AttributeLabels;
}

/** An attribute that fewer images have, or lack, teaches little. */
const leastShare = 0.02;
/** Attributes of captions, at most. */
const mostPhrases = 64;

/**
 * What images can be told apart by, as far as is said of them: their class, or of captions whether they have a word, or two
 * words side by side, that some have and others have not. Of these the ones nearest to half of the captions.
 *
 * @returns `undefined` where nothing is said that tells images apart.
 */
export function saidAttributes({ captions, kind, names }: ImageText): SaidAttributes | undefined {
  if (kind === "captions") {
    return phraseAttributes(captions);
  }
  if (names === undefined || new Set(captions).size < 2) {
    return undefined;
  }
  const indices = new Map(names.map((name, index) => [name, index]));
  return {
    attributes: [{ name: "class", classes: names.length }],
    labels: { class: captions.map((name) => indices.get(name)!) },
  };
}

function phraseAttributes(captions: readonly string[]): SaidAttributes | undefined {
  const phrases = captions.map(phrasesOf);
  const counts = new Map<string, number>();
  for (const phrase of phrases.flatMap((each) => [...each])) {
    counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
  }
  const least = Math.max(1, leastShare * captions.length);
  const telling = [...counts]
    .filter(([, count]) => count >= least && captions.length - count >= least)
    .sort((a, b) => Math.abs(a[1] - captions.length / 2) - Math.abs(b[1] - captions.length / 2));
  const labels: Record<string, number[]> = {};
  const seen = new Set<string>();
  for (const [phrase] of telling) {
    const has = phrases.map((each) => (each.has(phrase) ? 1 : 0));
    const pattern = has.join("");
    if (!seen.has(pattern)) {
      seen.add(pattern);
      labels[`phrase${seen.size}`] = has;
    }
    if (seen.size === mostPhrases) {
      break;
    }
  }
  const attributes = Object.keys(labels).map((name) => ({ name, classes: 2 }));
  return attributes.length === 0 ? undefined : { attributes, labels };
}

/** A caption's words, and each two that stand side by side; without the commas and dots around them. */
function phrasesOf(caption: string): Set<string> {
  const words = caption
    .toLowerCase()
    .split(/\s+/u)
    .map((word) => word.replace(/^[\p{P}\p{S}]+|[\p{P}\p{S}]+$/gu, ""))
    .filter((word) => word !== "");
  return new Set([...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)]);
}
