import { ConfigError, checkWholeNumber, type ImageBatch, sliceImages } from "@mmgen/core";
import { resolveOptions, text } from "@mmgen/core/options";
import { decodeImages, type ImageShape } from "@mmgen/datasets/node";
import { imagesPng } from "../folder/images-png.js";
import { checkCaptions, checkFields } from "../model/check-arguments.js";
import type { MultimodalModel } from "../model/multimodal-model.js";
import { type ModelGenerationOptions, modelGenerationFields } from "../model/pair-methods.js";
import type { Kept } from "../sampling/kept-codes.js";
import { captionScores } from "./caption-scores.js";
import { type Answer, jsonAnswer } from "./http-problem.js";
import { maxBodyBytes } from "./read-body.js";

/** What a generation is made with, beside its request's body. */
export interface Circumstances {
  readonly model: MultimodalModel;
  /** Images that one request may ask for. */
  readonly maxImages: number;
  /** Whether the client wants one PNG file rather than JSON. */
  readonly wantsPng: boolean;
  readonly signal: AbortSignal;
}

/** Fields of a request that say how ids are drawn; `rounds` are those of the model's own sampler. */
const samplingFields = [...modelGenerationFields.filter((name) => !["signal", "onRound"].includes(name)), "rounds"];
/** Model passes of one image at most: the codes of none are as many. */
const maxRounds = 4096;
/** Pixels of all images that one request gets at most. */
const maxPixels = 2 ** 24;

interface Asked extends ModelGenerationOptions {
  readonly captions?: readonly string[];
  readonly images?: readonly (string | Uint8Array)[];
  readonly keep?: Kept | { readonly mask: string };
  readonly count?: number | undefined;
  readonly candidates?: number | undefined;
  readonly scale?: number | undefined;
  readonly rounds?: number;
}

const drawFields = ["captions", "count", "candidates", "scale"];

/** Draws what captions say, as `mmgen draw` does. */
export async function draw(body: unknown, { maxImages, model, signal, wantsPng }: Circumstances): Promise<Answer> {
  const { candidates = 1, captions, count = 1, scale, ...sampling } = asked(body, drawFields);
  checkCaptions(captions);
  checkCount("captions", captions.length, { maxImages, count, candidates });
  const format = checkFormat(captions.length * count, { model, scale, wantsPng });
  const images = await model.draw(captions, { ...samplingOf(sampling, model), count, candidates, signal });
  const repeated = captions.flatMap((caption) => new Array<string>(count).fill(caption));
  return imagesAnswer(
    { images, captions: repeated },
    { ...format, columns: captions.length > 1 && count > 1 ? count : undefined },
  );
}

/** Says what images show, and how likely each caption is. */
export async function caption(body: unknown, { maxImages, model, signal }: Circumstances): Promise<Answer> {
  const { images: files, ...sampling } = asked(body, ["images"]);
  checkCount("images", lengthOf("images", files), { maxImages });
  const images = await readImages(files, model.vqvae.imageShape, "cover");
  const captions = await model.caption(images, { ...samplingOf(sampling, model), signal });
  return jsonAnswer({ captions, scores: await captionScores(model, { images, captions }, signal) });
}

/** Invents pairs, as `mmgen invent` does. */
export async function invent(body: unknown, { maxImages, model, signal, wantsPng }: Circumstances): Promise<Answer> {
  const { count = 1, scale, ...sampling } = asked(body, ["count", "scale"]);
  checkCount("count", 1, { maxImages, count });
  const format = checkFormat(count, { model, scale, wantsPng });
  return imagesAnswer(await model.invent({ ...samplingOf(sampling, model), count, signal }), format);
}

/** Completes images or captions, as `mmgen complete` does. */
export async function complete(body: unknown, { maxImages, model, signal, wantsPng }: Circumstances): Promise<Answer> {
  const fields = ["images", "captions", "keep", "count", "candidates", "scale"];
  const { candidates, captions, count = 1, images: files, keep, scale, ...sampling } = asked(body, fields);
  if (captions !== undefined) {
    checkCaptions(captions);
  }
  const rows = files === undefined ? (captions?.length ?? 0) : lengthOf("images", files);
  checkCount("images or captions", rows, { maxImages, count, candidates });
  const format = checkFormat(rows * count, { model, scale, wantsPng });
  const images = files && (await readImages(files, model.vqvae.imageShape, "cover"));
  const pairs = await model.complete(
    { ...(images && { images }), ...(captions && { captions }) },
    {
      ...{ ...samplingOf(sampling, model), count, signal },
      ...(candidates !== undefined && { candidates }),
      keep: await keptOf(keep, model),
    },
  );
  return imagesAnswer(pairs, { ...format, columns: count > 1 ? count : undefined });
}

/** A body whose fields are known; the model's methods check their values. */
function asked(body: unknown, fields: readonly string[]): Asked {
  checkFields("", body, [...fields, ...samplingFields]);
  return body as Asked;
}

function samplingOf({ rounds, sampler, ...sampling }: Asked, { config }: MultimodalModel): ModelGenerationOptions {
  if (rounds !== undefined && (config.diffusion === undefined || sampler !== undefined)) {
    throw new ConfigError("rounds: only models of the family diffusion take it, without sampler. Leave it out.");
  }
  const asked = rounds ?? (sampler as { readonly rounds?: unknown } | undefined)?.rounds;
  if (asked !== undefined) {
    checkWholeNumber("rounds", asked, { min: 1, max: maxRounds });
  }
  return {
    ...sampling,
    ...(sampler !== undefined && { sampler }),
    ...(rounds !== undefined && { sampler: { ...config.diffusion!.sampler, rounds } }),
  };
}

/** Refuses more than a request may ask for, before anything is made. */
function checkCount(
  name: string,
  given: number,
  { candidates = 1, count = 1, maxImages }: Pick<Asked, "candidates" | "count"> & Pick<Circumstances, "maxImages">,
): void {
  checkWholeNumber("count", count, { min: 1 });
  checkWholeNumber("candidates", candidates, { min: 1 });
  const total = given * count * candidates;
  if (given < 1 || total > maxImages) {
    throw new ConfigError(
      `${name}: expected from 1 to ${maxImages} images in one request (inputs × count × candidates), got ${total}.`,
    );
  }
}

interface Format {
  readonly scale?: number | undefined;
  readonly columns?: number | undefined;
  readonly wantsPng: boolean;
}

function checkFormat(
  count: number,
  { model, scale, wantsPng }: Pick<Circumstances, "model" | "wantsPng"> & Pick<Asked, "scale">,
): Format {
  if (scale !== undefined) {
    const { height, width } = model.vqvae.imageShape;
    const max = Math.max(1, Math.floor(Math.sqrt(maxPixels / (count * height * width))));
    checkWholeNumber("scale", scale, { min: 1, max });
  }
  return { scale, wantsPng };
}

/** One PNG file of all images side by side, or each one's by itself with its caption. */
function imagesAnswer(
  { captions, images }: { readonly captions: readonly string[]; readonly images: ImageBatch },
  { columns, scale, wantsPng }: Format,
): Answer {
  if (wantsPng) {
    return { type: "image/png", body: imagesPng(images, { columns, scale }) };
  }
  const files = captions.map((_, i) => imagesPng(sliceImages(images, i, i + 1), { scale: scale ?? 1 }));
  return jsonAnswer({ captions, images: files.map((bytes) => Buffer.from(bytes).toString("base64")) });
}

async function keptOf(keep: Asked["keep"], { vqvae }: MultimodalModel): Promise<Kept> {
  const mask = keep !== null && typeof keep === "object" && "mask" in keep ? keep.mask : undefined;
  if (typeof mask !== "string") {
    return keep as Kept;
  }
  const { height, width } = vqvae.imageShape;
  return { mask: (await readImages([mask], { height, width, channels: 1, maxValue: 1 }, "fill")).data };
}

function lengthOf(name: string, files: unknown): number {
  if (!Array.isArray(files)) {
    throw new ConfigError(`${name}: expected a list of image files, each as base64.`);
  }
  return files.length;
}

/** Image files, as bytes or as base64 with or without the beginning of a data URL. */
function readImages(files: Asked["images"], shape: ImageShape, fit: "cover" | "fill"): Promise<ImageBatch> {
  const decoded = files!.map((file, i) => {
    if (file instanceof Uint8Array) {
      return file;
    }
    const encoded = resolveOptions(text({ minLength: 1 }), file, { path: `images[${i}]` });
    return new Uint8Array(Buffer.from(encoded.replace(/^data:[^,]{0,100},/, ""), "base64"));
  });
  return decodeImages(decoded, shape, { fit, limits: { fileBytes: maxBodyBytes } });
}
