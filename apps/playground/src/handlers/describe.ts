import type { ImageBatch } from "@mmgen/core";
import { type MultimodalModel, nextWords } from "mmgen";
import type { Description, WrittenWord } from "../protocol/messages.js";

/** Words offered at a time. */
const offered = 8;
/** Words that a model finds less likely than this are not offered. */
const minProbability = 0.002;

/** Words that the model finds likely after the first ones of a caption; none after one that it cannot read. */
export async function suggestWords(model: MultimodalModel, caption: string): Promise<readonly string[]> {
  const beginning = unitsOf(model, caption);
  const isTooLong = beginning.length >= model.tokenizer.config.captionLength.maximum;
  if (isTooLong || !beginning.every((word) => isKnown(model, word))) {
    return [];
  }
  const [next] = await nextWords(model, { captions: [joined(model, beginning)] });
  return next!
    .filter(({ probability, word }) => word !== "" && probability >= minProbability)
    .slice(0, offered)
    .map(({ word }) => word);
}

/** Writes an image's caption, with the words that might have stood at each place; "" where the model has no words. */
export async function describeImage(model: MultimodalModel, image: ImageBatch): Promise<Description> {
  const start = performance.now();
  const seen = await model.reconstruct(image);
  if (model.tokenizer.config.layout === "image-only") {
    return { caption: "", words: [], seen, milliseconds: performance.now() - start };
  }
  const [caption] = await model.caption(image);
  const words = await writtenWords(model, image, caption!);
  return { caption: caption!, words, seen, milliseconds: performance.now() - start };
}

async function writtenWords(model: MultimodalModel, image: ImageBatch, caption: string): Promise<WrittenWord[]> {
  const words = unitsOf(model, caption);
  if (model.tokenizer.config.layout === "class") {
    // A class comes before its image, and is chosen by how likely each makes the image.
    return words.map((word) => ({ word, likeliest: [] }));
  }
  const beginnings = words.map((_, i) => joined(model, words.slice(0, i)));
  const likeliest: WrittenWord["likeliest"][] = [];
  // One by one: rows of a batch would need as much memory each.
  for (const beginning of beginnings) {
    const [next] = await nextWords(model, { captions: [beginning], images: image });
    likeliest.push(next!.slice(0, offered));
  }
  return words.map((word, i) => ({ word, likeliest: likeliest[i]! }));
}

function unitsOf({ tokenizer }: MultimodalModel, caption: string): string[] {
  const { textUnit } = tokenizer.config;
  if (textUnit === "characters") {
    return [...caption];
  }
  const words = caption.split(/\s+/u).filter((word) => word !== "");
  return textUnit === "words" || words.length === 0 ? words : [words.join(" ")];
}

function joined({ tokenizer }: MultimodalModel, units: readonly string[]): string {
  return units.join(tokenizer.config.textUnit === "characters" ? "" : " ");
}

function isKnown({ tokenizer }: MultimodalModel, unit: string): boolean {
  try {
    return tokenizer.encodeText(unit).length > 0;
  } catch {
    return false;
  }
}
