import type { ImageBatch, TokenBatch } from "@mmgen/core";
import { attentionWeights } from "@mmgen/tiny-transformer";
import type { MultimodalModel } from "mmgen";
import type { Inspection } from "../protocol/messages.js";
import { describeImage } from "./describe.js";

/** Describes an image, and shows what went on: its codes, the likeliest words, what each choice looked at. */
export async function inspectImage(model: MultimodalModel, image: ImageBatch): Promise<Inspection> {
  const start = performance.now();
  const { tokenizer, transformer, vqvae } = model;
  const description = await describeImage(model, image);
  const codes = await vqvae.encode(image);
  const { codesPerImage, paletteCodes, palettePlace } = vqvae.codeLayout;
  const { height, width } = vqvae.network.latentGrid;
  const lead = palettePlace === "before" ? paletteCodes : 0;
  const ids = sequenceOf(model, codes.data, description.caption);
  const { data, heads, layers, length } = await attentionWeights(transformer, ids);
  const positions = (modality: string) =>
    Array.from(ids.data.keys()).filter((at) => tokenizer.modality(ids.data[at]!) === modality);
  return {
    ...description,
    codes: codes.data,
    grid: { height, width, lead, each: (codesPerImage - lead) / (height * width) },
    codePositions: positions("image"),
    wordPositions: positions("text").slice(0, description.words.length),
    attention: { data: transformer.config.causal ? byChoice(data, length) : data, layers, heads, length },
    milliseconds: performance.now() - start,
  };
}

/** The sequence that the model read to write the caption, and the caption. */
function sequenceOf(
  { tokenizer, transformer, vqvae }: MultimodalModel,
  codes: Int32Array,
  caption: string,
): TokenBatch {
  const { layout } = tokenizer.config;
  const captions = layout === "image-only" ? {} : { captions: [caption] };
  const isOfOneOrder = layout === "image-only" || layout === "class" || !transformer.config.causal;
  if (isOfOneOrder) {
    const batch = { data: codes, count: 1, ...vqvae.codeGrid };
    return tokenizer.encode({ codes: batch, ...captions, order: tokenizer.orders[0]! });
  }
  const rows = { data: codes, count: 1, length: codes.length };
  return tokenizer.promptForCompletion({ order: "image-first", codes: rows, ...captions });
}

/** A model that continues sequences chooses an id at the position before it: moves each row of weights one on. */
function byChoice(weights: Float32Array, length: number): Float32Array {
  const moved = new Float32Array(weights.length);
  const size = length * length;
  for (let map = 0; map < weights.length; map += size) {
    moved.set(weights.subarray(map, map + size - length), map + length);
  }
  return moved;
}
