import type { ImageBatch } from "@mmgen/core";
import type { MultimodalModel, PairsRound } from "mmgen";
import type { Appearing, CompleteParams, DrawnImages, DrawParams, SamplingParams } from "../protocol/messages.js";
import type { RequestContext } from "../protocol/serve-requests.js";

/** Milliseconds between two looks at images that are being drawn, and of each round where they are drawn slowly. */
const betweenLooks = 40;
const slowRound = 150;

/** Draws images of a caption, and shows them on their way. */
export async function drawCaption(
  model: MultimodalModel,
  { caption, count, isSlow, ...sampling }: DrawParams,
  context: RequestContext<Appearing>,
): Promise<DrawnImages> {
  const options = { ...sampling, count, signal: context.signal, onRound: showRounds(model, context, isSlow) };
  return timed(model, async () => {
    const images = await model.draw([caption], options);
    return { images, captions: new Array<string>(images.count).fill(caption) };
  });
}

/** Invents images with captions that belong to them. */
export async function inventPairs(
  model: MultimodalModel,
  { count, ...sampling }: SamplingParams & { readonly count: number },
  context: RequestContext<Appearing>,
): Promise<DrawnImages> {
  const options = { ...sampling, count, signal: context.signal, onRound: showRounds(model, context) };
  return timed(model, () => model.invent(options));
}

/** Completes an image of which some pixels are kept, as its caption says where there is one. */
export async function completeImage(
  model: MultimodalModel,
  { caption, count, image, mask, ...sampling }: CompleteParams,
  context: RequestContext<Appearing>,
): Promise<DrawnImages> {
  const options = { ...sampling, count, signal: context.signal, onRound: showRounds(model, context) };
  const beginning = caption === undefined ? image : { images: image, captions: [caption] };
  return timed(model, () => model.complete(beginning, { ...options, keep: { mask } }));
}

async function timed(
  { tokenizer, vqvae }: MultimodalModel,
  work: () => Promise<{ readonly images: ImageBatch; readonly captions: readonly string[] }>,
): Promise<DrawnImages> {
  const start = performance.now();
  const { captions, images } = await work();
  return {
    images,
    captions: tokenizer.config.layout === "image-only" ? captions.map(() => "") : captions,
    codesPerImage: vqvae.codeLayout.codesPerImage,
    milliseconds: performance.now() - start,
  };
}

/** Tells the page what is drawn so far, as often as it can be seen. */
export function showRounds(
  { vqvae }: MultimodalModel,
  { tell }: RequestContext<Appearing>,
  isSlow = false,
): (state: PairsRound) => Promise<void> {
  let last = Number.NEGATIVE_INFINITY;
  return async ({ codes, masked, round, rounds }) => {
    if ((!isSlow && performance.now() - last < betweenLooks) || round === rounds) {
      return;
    }
    last = performance.now();
    const images = await vqvae.decode(codes);
    await tell({ round, rounds, images, hidden: hiddenPlaces(vqvae, masked) });
    if (isSlow) {
      await new Promise((resolve) => setTimeout(resolve, slowRound));
    }
    last = performance.now();
  };
}

/** Which places of the grid over an image still miss a code. Colors that have codes of their own belong to no place. */
export function hiddenPlaces(
  { codeLayout, network }: MultimodalModel["vqvae"],
  masked: Uint8Array,
): Appearing["hidden"] {
  const { height, width } = network.latentGrid;
  const { codesPerImage, paletteCodes, palettePlace } = codeLayout;
  const lead = palettePlace === "before" ? paletteCodes : 0;
  const each = (codesPerImage - lead) / (height * width);
  const data = Uint8Array.from({ length: (masked.length / codesPerImage) * height * width }, (_, i) => {
    const row = Math.floor(i / (height * width)) * codesPerImage;
    const first = row + lead + (i % (height * width)) * each;
    return Number(masked.subarray(first, first + each).includes(1));
  });
  return { data, height, width };
}
