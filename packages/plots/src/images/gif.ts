import { ShapeError } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions } from "@mmgen/core/options";
import * as module from "gifenc";
import type { PixelImage } from "./pixels.js";

// Node loads the package's CommonJS build, whose names are under `default`; bundlers take its ES module.
const { GIFEncoder, applyPalette, quantize } =
  "GIFEncoder" in module ? module : (module as unknown as { default: typeof module }).default;

const milliseconds = number({ above: 0, below: 655_360 });

/** Fields of {@link GifOptions}. */
export const gifFields = {
  /** Time each frame is shown, in milliseconds; GIF counts in hundredths of a second. Default: 500. */
  frameMilliseconds: optional(milliseconds, 500),
  /** Time the last frame is shown before the animation repeats, in milliseconds. Default: four frames. */
  lastMilliseconds: optional(milliseconds),
};
const gifSchema = fields(gifFields);

/** Options of {@link encodeGif}. */
export type GifOptions = OptionsOf<typeof gifSchema>;

/**
 * Encodes an animated GIF that repeats forever. Runs in browsers too.
 *
 * Each frame is shown in at most 256 colors, chosen for it.
 *
 * @param frames - At least one, all of one size; borrowed.
 * @returns The bytes of the file; yours.
 * @throws a {@link ShapeError} without frames or when they differ in size; a `ConfigError` for an option that is unknown
 *   or out of range.
 */
export function encodeGif(frames: readonly PixelImage[], options: GifOptions = {}): Uint8Array {
  const config = resolveOptions(gifSchema, options);
  const { frameMilliseconds, lastMilliseconds = 4 * frameMilliseconds } = config;
  const [first] = frames;
  if (first === undefined) {
    throw new ShapeError("encodeGif: expected at least one frame, got none.");
  }
  const encoder = GIFEncoder();
  for (const [i, frame] of frames.entries()) {
    if (frame.width !== first.width || frame.height !== first.height) {
      throw new ShapeError(
        `encodeGif: expected frames of ${first.width}×${first.height}, got ${frame.width}×${frame.height} at index ${i}.`,
      );
    }
    const rgba = withAlpha(frame);
    const palette = quantize(rgba, 256);
    const delay = i === frames.length - 1 ? lastMilliseconds : frameMilliseconds;
    encoder.writeFrame(applyPalette(rgba, palette), frame.width, frame.height, { palette, delay, repeat: 0 });
  }
  encoder.finish();
  return encoder.bytes();
}

function withAlpha({ data, channels }: PixelImage): Uint8Array {
  const rgba = new Uint8Array((data.length / channels) * 4).fill(255);
  for (let pixel = 0; pixel < data.length / channels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      rgba[4 * pixel + channel] = data[channels * pixel + (channels === 3 ? channel : 0)]!;
    }
  }
  return rgba;
}
