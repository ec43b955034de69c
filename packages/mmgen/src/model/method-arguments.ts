import { ConfigError, checkWholeNumber, type ImageBatch } from "@mmgen/core";
import { readFields } from "@mmgen/core/options";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { checkCaptions, checkFields, checkImages } from "./check-arguments.js";
import type { CaptionedImageSet } from "./image-text.js";
import { type ModelGenerationOptions, modelGenerationFields } from "./pair-methods.js";

/** Options of the methods that make several results of each input. */
export interface CountOptions extends ModelGenerationOptions {
  /** Results of each input, one after the other. Default 1. */
  readonly count?: number | undefined;
}

/** Throws a {@link ConfigError} where a model of images alone is asked for what takes or gives captions. */
export function checkHasText(method: string, { config }: MultimodalTokenizer): void {
  if (config.layout === "image-only") {
    throw new ConfigError(
      `${method}: this model was trained on images without captions. Use invent, or complete with images alone.`,
    );
  }
}

/** Throws a {@link ConfigError} where images alone are given to a model that needs captions beside them. */
export function checkHasNoText(method: string, { config }: MultimodalTokenizer): void {
  if (config.layout !== "image-only") {
    const missing = config.layout === "class" ? "a class each, as classes or captions" : "a caption each";
    throw new ConfigError(`${method}: expected images with ${missing}, got images alone.`);
  }
}

/** Refuses what is no option of a method that makes `count` results, and a `count` that is none. */
export function checkCounted<Options extends CountOptions>(options: Options, others: readonly string[] = []): Options {
  checkFields("", options, ["count", ...others, ...modelGenerationFields]);
  if (options.count !== undefined) {
    checkWholeNumber("count", options.count, { min: 1 });
  }
  return options;
}

/** The images and captions of what `complete` takes, checked. */
export function contentOf(
  beginning: ImageBatch | readonly string[] | Partial<CaptionedImageSet>,
): Partial<CaptionedImageSet> {
  const content = unpacked(beginning);
  if (content.images !== undefined) {
    checkImages(content.images);
  }
  if (content.captions !== undefined) {
    checkCaptions(content.captions);
  }
  return content;
}

function unpacked(beginning: ImageBatch | readonly string[] | Partial<CaptionedImageSet>): Partial<CaptionedImageSet> {
  type Any = Partial<ImageBatch & CaptionedImageSet>;
  const { captions, data, images } = readFields("complete", beginning as Any, ["data", "images", "captions"]);
  if (data === undefined && images === undefined && captions === undefined) {
    return { captions: beginning as readonly string[] };
  }
  return data === undefined
    ? { ...(images !== undefined && { images }), ...(captions !== undefined && { captions }) }
    : { images: beginning as ImageBatch };
}
