import { ConfigError } from "@mmgen/core";
import type { DiceBearOptions } from "./avatar-parts.js";

interface DiceBear {
  createAvatar(style: unknown, options: DiceBearOptions): { toString(): string };
}

interface Rasterizer {
  renderAsync(
    svg: string,
    options: object,
  ): Promise<{ readonly pixels: Uint8Array; readonly width: number; readonly height: number }>;
}

/** Composes avatars by DiceBear and draws them by resvg, on threads of its own. */
export class AvatarRenderer {
  readonly #diceBear: DiceBear;
  readonly #style: unknown;
  readonly #resvg: Rasterizer;

  private constructor(diceBear: DiceBear, style: unknown, resvg: Rasterizer) {
    this.#diceBear = diceBear;
    this.#style = style;
    this.#resvg = resvg;
  }

  /** @throws a {@link ConfigError} with the line to type where an optional peer is not installed. */
  static async create(): Promise<AvatarRenderer> {
    const diceBear = (await load("@dicebear/core")) as unknown as DiceBear;
    const style = await load("@dicebear/micah");
    const resvg = await load("@resvg/resvg-js");
    // CommonJS: all is in its default.
    return new AvatarRenderer(diceBear, style, (resvg.default ?? resvg) as Rasterizer);
  }

  /** The SVG of an avatar. */
  compose(options: DiceBearOptions): string {
    return this.#diceBear.createAvatar(this.#style, options).toString();
  }

  /**
   * Draws an SVG; several at the same time take several cores.
   *
   * @returns Red, green and blue, `[side, side, 3]`, 0..255; yours.
   */
  async draw(svg: string, side: number): Promise<Uint8Array> {
    const { pixels, width, height } = await this.#resvg.renderAsync(svg, {
      fitTo: { mode: "width", value: side },
      // There is no text.
      font: { loadSystemFonts: false },
    });
    if (width !== side || height !== side) {
      throw new ConfigError(`Avatars: expected ${side} × ${side} pixels of @resvg/resvg-js, got ${height} × ${width}.`);
    }
    const levels = new Uint8Array(side * side * 3);
    for (let pixel = 0; pixel < side * side; pixel++) {
      // The background is opaque.
      levels.set(pixels.subarray(4 * pixel, 4 * pixel + 3), 3 * pixel);
    }
    return levels;
  }
}

/** Loads a package whose name a bundler must not see: it would fail where it is not installed. */
async function load(name: string): Promise<Record<string, unknown>> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (error) {
    throw new ConfigError(
      `Avatars are composed by DiceBear and drawn by resvg; the package "${name}" could not be loaded ` +
        `(${(error as Error).message}). Install them: npm install @dicebear/core@9 @dicebear/micah@9 @resvg/resvg-js`,
      { cause: error },
    );
  }
}
