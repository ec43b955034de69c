import { ConfigError, ShapeError } from "@mmgen/core";
import * as module from "gifenc";
import type { PixelImage } from "./pixels.js";

// Node sees the package's CommonJS build, whose names all lie under `default`; bundlers see its ES module.
const { GIFEncoder, applyPalette, quantize } =
  "GIFEncoder" in module ? module : (module as unknown as { default: typeof module }).default;

/** Options of {@link encodeGif}. */
export interface GifOptions {
  /** Time each frame is shown, in milliseconds; GIF counts in hundredths of a second. Default: 500. */
  readonly frameMilliseconds?: number;
  /** Time the last frame is shown before it all starts again. Default: four frames. */
  readonly lastMilliseconds?: number;
}

/**
 * The bytes of an animated GIF that repeats forever. Runs in browsers too.
 *
 * Each frame is shown in at most 256 colors, chosen for it.
 *
 * @param frames - At least one, all of one size; borrowed.
 * @throws a {@link ShapeError} without frames or when they differ in size; {@link ConfigError} for a time that is not
 *   above 0.
 */
export function encodeGif(frames: readonly PixelImage[], options: GifOptions = {}): Uint8Array {
  const { frameMilliseconds = 500, lastMilliseconds = 4 * frameMilliseconds } = options;
  const [first] = frames;
  if (first === undefined) {
    throw new ShapeError("encodeGif: expected at least one frame, got none.");
  }
  for (const [name, time] of Object.entries({ frameMilliseconds, lastMilliseconds })) {
    if (!(time > 0 && time < 655_360)) {
      throw new ConfigError(`${name}: expected a number above 0 and below 655 360, got ${time}.`);
    }
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
