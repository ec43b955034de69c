import { availableParallelism } from "node:os";
import { join } from "node:path";
import { AbortedError, fingerprint } from "@mmgen/core";
import { cacheFolder } from "@mmgen/core/node";
import {
  type ConfigOf,
  fields,
  functionValue,
  type OptionsOf,
  optional,
  resolveOptions,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import type { AttributedImages } from "../captions/captioned-images.js";
import { allocateImages } from "../images/allocate-images.js";
import { AvatarCache } from "./avatar-cache.js";
import { avatarCaption, avatarTable } from "./avatar-captions.js";
import { AvatarRenderer } from "./avatar-renderer.js";
import { type AvatarPlan, type AvatarSplit, avatarAttribution, planAvatar } from "./plan-avatar.js";

const loadAvatarsSchema = fields({
  /** Default: 9000. */
  trainCount: optional(wholeNumber({ min: 0, max: 2 ** 31 }), 9000),
  /** Default: 0. */
  validationCount: optional(wholeNumber({ min: 0, max: 2 ** 31 }), 0),
  /** Default: 1000. */
  testCount: optional(wholeNumber({ min: 0, max: 2 ** 31 }), 1000),
  /** Height and width in pixels. Default: 64. */
  side: optional(wholeNumber({ min: 8, max: 1024 }), 64),
  /** Selects attributes and variations. Default: 0. */
  seed: optional(wholeNumber(), 0),
  /** Images that are drawn at the same time, on threads of Node's pool, which has four. Default: one a core. */
  threads: optional(wholeNumber({ min: 1, max: 1024 })),
  /** What was drawn is kept in its folder `avatars`. Default: `MMGEN_CACHE_DIR`, else `mmgen` in the platform's cache folder. */
  cacheDir: optional(text({ minLength: 1 })),
  /** Receives what is drawn, and what of the cache is damaged. Default: none. */
  onMessage: optional(functionValue<(message: string) => void>()),
  /** Stops between images; what is complete stays in the cache. Default: none. */
  signal: optional(value<AbortSignal>("an AbortSignal", (signal) => signal instanceof AbortSignal)),
});

/** Options of {@link loadAvatars}. */
export type LoadAvatarsOptions = OptionsOf<typeof loadAvatarsSchema>;

/** Captioned avatars in splits that have no combination of attributes in common. */
export interface AvatarSplits {
  readonly train: AttributedImages;
  /** Empty unless `validationCount` was given. */
  readonly validation: AttributedImages;
  readonly test: AttributedImages;
  /** What was loaded, in one line. */
  readonly source: string;
  /** What the license asks to be said beside the images, or images made from them. */
  readonly attribution: string;
}

/** Avatars of a file of the cache. */
const blockSize = 500;

/**
 * Loads or draws cartoon portraits with captions and exact attributes, as many as are asked for.
 *
 * They are composed by DiceBear from drawings of Micah Lanier and drawn by resvg, optional peers of this package. Each
 * value of an attribute is drawn about equally often, independently of the others. Which combinations of attributes are in
 * which split depends on nothing else, so that no seed shows a test image in training. The same seed gives the same images;
 * a smaller count gives the first of a larger one's.
 *
 * @returns Per split `[count, side, side, 3]` images of 256 levels, their captions and attributes; yours.
 * @throws a `ConfigError` when an option is unknown or out of range, a peer is not installed, or memory is short.
 * @throws a {@link AbortedError} when the signal fires.
 */
export async function loadAvatars(options: LoadAvatarsOptions = {}): Promise<AvatarSplits> {
  const config = resolveOptions(loadAvatarsSchema, options);
  const { trainCount, validationCount, testCount, side, seed } = config;
  const renderer = await AvatarRenderer.create();
  const folder = join(cacheFolder(config.cacheDir), "avatars", await cacheKey(renderer, config));
  const artist = new Artist(renderer, new AvatarCache(folder, config.onMessage), config);
  return {
    train: await artist.drawSplit("train", trainCount),
    validation: await artist.drawSplit("validation", validationCount),
    test: await artist.drawSplit("test", testCount),
    source: `Avatars: ${trainCount} to train, ${validationCount} to validate, ${testCount} to test, ${side} × ${side}, seed ${seed}`,
    attribution: avatarAttribution,
  };
}

type Config = ConfigOf<typeof loadAvatarsSchema>;

/**
 * A checksum of all that images depend on: seed, side, and what the first avatars look like to the installed versions of
 * DiceBear and resvg.
 */
async function cacheKey(renderer: AvatarRenderer, { seed, side }: Config): Promise<string> {
  const svgs = Array.from({ length: 32 }, (_, i) => renderer.compose(planAvatar(seed, "train", i).options));
  const drawn = await Promise.all(svgs.slice(0, 2).map((svg) => renderer.draw(svg, side)));
  const encoder = new TextEncoder();
  return fingerprint([
    encoder.encode(JSON.stringify({ seed, side })),
    ...svgs.map((svg) => encoder.encode(svg)),
    ...drawn,
  ]);
}

class Artist {
  readonly #renderer: AvatarRenderer;
  readonly #cache: AvatarCache;
  readonly #config: Config;
  readonly #threads: number;

  constructor(renderer: AvatarRenderer, cache: AvatarCache, config: Config) {
    this.#renderer = renderer;
    this.#cache = cache;
    this.#config = config;
    this.#threads = config.threads ?? availableParallelism();
  }

  async drawSplit(split: AvatarSplit, count: number): Promise<AttributedImages> {
    const { side, seed } = this.#config;
    const form = { height: side, width: side, channels: 3, maxValue: 255 };
    const data = allocateImages(count, form);
    const plans = Array.from({ length: count }, (_, i) => planAvatar(seed, split, i));
    let drawn = 0;
    for (let start = 0; start < count; start += blockSize) {
      const block = plans.slice(start, start + blockSize);
      const target = data.subarray(start * side * side * 3, (start + block.length) * side * side * 3);
      const name = `${split}-${start}-${block.length}.gz`;
      const cached = await this.#cache.read(name, target.length);
      if (cached === undefined) {
        this.#sayOnce(drawn, split, count - start);
        await this.#drawBlock(block, target);
        await this.#cache.write(name, target);
        drawn += block.length;
      } else {
        target.set(cached);
      }
    }
    const attributes = avatarTable(Int32Array.from(plans.flatMap(({ labels }) => labels)));
    return { images: { data, count, ...form }, captions: plans.map(({ labels }) => avatarCaption(labels)), attributes };
  }

  #sayOnce(drawn: number, split: AvatarSplit, count: number): void {
    const { side, onMessage } = this.#config;
    if (drawn === 0) {
      onMessage?.(`Drawing ${count} avatars of ${side} × ${side} for the split ${split}, ${this.#threads} at a time.`);
    }
  }

  /** Draws a block into its place. */
  async #drawBlock(block: readonly AvatarPlan[], target: Uint8Array): Promise<void> {
    const { side, signal } = this.#config;
    let next = 0;
    const work = async () => {
      while (next < block.length) {
        if (signal?.aborted) {
          throw new AbortedError("Drawing avatars was stopped.", { cause: signal.reason });
        }
        const index = next++;
        const svg = this.#renderer.compose(block[index]!.options);
        target.set(await this.#renderer.draw(svg, side), index * side * side * 3);
      }
    };
    await Promise.all(Array.from({ length: this.#threads }, work));
  }
}
