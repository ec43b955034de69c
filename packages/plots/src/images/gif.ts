import { describeValue, ShapeError } from "@mmgen/core";
import { fields, number, type OptionsOf, optional, resolveOptions } from "@mmgen/core/options";
import * as module from "gifenc";
import { choosePalettes, type Palette, paletteIndices } from "./gif-palette.js";
import { checkPixelImage, type PixelImage } from "./pixels.js";

// Node loads the package's CommonJS build, whose names are under `default`; bundlers take its ES module.
const { GIFEncoder } = "GIFEncoder" in module ? module : (module as unknown as { default: typeof module }).default;

/** GIF stores times as hundredths of a second, and sides in pixels, in 16 bits. */
const maxStored = 65_535;

const milliseconds = number({ above: 0, max: 10 * maxStored });

/** Fields of {@link GifOptions}. */
export const gifFields = {
  /**
   * Time each frame is shown, in milliseconds, at most 655 350. Default: 500. It is rounded to hundredths of a second, to
   * at least one; browsers show a frame of one hundredth for ten.
   */
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
 * Colors are exact where all frames, or a frame, have at most 256. Frames of more share one table of 256, so that a color
 * is the same in each of them.
 *
 * @param frames - At least one, all of one size, at most 65 535 pixels a side; borrowed.
 * @returns The bytes of the file; yours.
 * @throws a {@link ShapeError} without frames, for a malformed or empty one, or when they differ in size; a `ConfigError`
 *   for an option that is unknown or out of range.
 */
export function encodeGif(frames: readonly PixelImage[], options: GifOptions = {}): Uint8Array {
  const { frameMilliseconds, lastMilliseconds = 4 * frameMilliseconds } = resolveOptions(gifSchema, options);
  checkFrames(frames);
  const palettes = choosePalettes(frames);
  const tables = new Map(palettes.map((palette) => [palette, colorTable(palette)]));
  const encoder = GIFEncoder();
  for (const [i, frame] of frames.entries()) {
    const palette = palettes[i]!;
    // The first frame's table becomes the file's; frames that have the same need none of their own.
    const table = i === 0 || palette !== palettes[0] ? { palette: tables.get(palette)! } : {};
    const delay = 10 * hundredths(i === frames.length - 1 ? lastMilliseconds : frameMilliseconds);
    encoder.writeFrame(paletteIndices(frame, palette), frame.width, frame.height, { ...table, delay, repeat: 0 });
  }
  encoder.finish();
  return encoder.bytes();
}

function checkFrames(frames: readonly PixelImage[]): void {
  if (!Array.isArray(frames) || frames.length === 0) {
    throw new ShapeError(`encodeGif: expected a list of at least one frame, got ${describeValue(frames)}.`);
  }
  for (const [i, frame] of frames.entries()) {
    checkPixelImage(`encodeGif: frame ${i}`, frame, maxStored);
    const { width, height } = frames[0];
    if (frame.width !== width || frame.height !== height) {
      throw new ShapeError(
        `encodeGif: expected frames of ${width}×${height}, got ${frame.width}×${frame.height} at index ${i}.`,
      );
    }
  }
}

/** 0 would leave the time to the viewer. */
function hundredths(duration: number): number {
  return Math.min(maxStored, Math.max(1, Math.round(duration / 10)));
}

function colorTable(palette: Palette): number[][] {
  return palette.map((color) => [color >> 16, (color >> 8) & 255, color & 255]);
}
