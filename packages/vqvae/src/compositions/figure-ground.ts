import { type ConfigOf, type OptionsOf, oneOf, optional, variant, wholeNumber } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import type { Composition } from "./composition.js";
import { levelsToPixels, type ReconstructionHead } from "./reconstruction-head.js";

/** Smaller differences of colors, in units of [−1, 1], are rounding errors. */
const rounding = 1e-5;

/**
 * Describes an image as one flat color on another.
 *
 * The figure is where pixels are farther than on average from the image's mean color: the smaller part of an image of two
 * colors. The encoder sees that distance alone, standardized, so the quantizer's codes do not depend on color; the
 * decoder gives the log-odds of the figure at each pixel. The colors are means over figure and ground, rounded to a
 * fixed palette, so nothing about them is learned.
 *
 * @see Monnier et al. 2021, https://arxiv.org/abs/2104.14575, for images as layers of shape and color
 */
export function figureGround(
  config: FigureGroundConfig,
  { channels, maxValue }: { readonly channels: number; readonly maxValue: number },
  head: ReconstructionHead,
): Composition {
  const { paletteLevels, palettePlace } = config;
  const size = paletteLevels ** channels;
  const spacing = maxValue / (paletteLevels - 1);
  // Made when an image is first composed: a model is built before its file has been compared with it.
  let table: readonly number[][] | undefined;
  const colors = () => {
    table ??= Array.from({ length: size }, (_, code) =>
      head.flat({ pixel: paletteColor(code, paletteLevels, channels), spacing }),
    );
    return table as number[][];
  };

  return {
    inputChannels: 1,
    decodedChannels: 1,
    imageCodes: 2,
    imageCodebookSize: size,
    palettePlace,
    decompose(levels) {
      const pixels = levelsToPixels(levels, maxValue);
      const mean = tf.mean(pixels, [1, 2], true);
      const distance = tf.sqrt(tf.sum(tf.squaredDifference(pixels, mean), 3, true)); // [batch, side, side, 1]
      const contrast = tf.sub(distance, tf.mean(distance, [1, 2], true)) as tf.Tensor4D;
      // Not a comparison and a cast: tfjs's webgpu backend transposes such a mask to nothing.
      const figure = tf.step(tf.sub<tf.Tensor4D>(contrast, rounding));
      const ground = tf.sub(1, figure);
      const codes = [figure, ground].map((mask) => paletteCodes(maskedMean(pixels, mask, mean), paletteLevels));
      const deviation = tf.sqrt(tf.add(tf.mean(tf.square(contrast), [1, 2], true), rounding ** 2));
      return { map: tf.div(contrast, deviation), codes: tf.stack(codes, 1) as tf.Tensor2D };
    },
    compose({ map, codes }) {
      const rows = tf.gather(tf.tensor2d(colors()), codes!); // [batch, 2, outputChannels]
      const [figure, ground] = tf.split(rows, 2, 1).map((row) => tf.reshape(row, [-1, 1, 1, head.outputChannels])) as [
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      return head.mixed(figure, ground, tf.sigmoid(map));
    },
  };
}

/** Color `code` of the palette, `[channels]` in [−1, 1]: its digits in base `levels`, the first channel's lowest. */
function paletteColor(code: number, levels: number, channels: number): number[] {
  return Array.from(
    { length: channels },
    (_, channel) => ((Math.floor(code / levels ** channel) % levels) * 2) / (levels - 1) - 1,
  );
}

/** Colors in [−1, 1], `[batch, channels]`, → their nearest of the palette, `[batch]`, int32. */
function paletteCodes(colors: tf.Tensor2D, levels: number): tf.Tensor1D {
  const digits = tf.round(tf.mul(tf.add(colors, 1), (levels - 1) / 2));
  const places = Array.from({ length: colors.shape[1] }, (_, channel) => levels ** channel);
  return tf.cast(tf.sum<tf.Tensor1D>(tf.mul(digits, tf.tensor1d(places)), 1), "int32");
}

/** Mean of pixels where the mask is 1, `[batch, channels]`; `fallback` where the mask is 0 throughout. */
function maskedMean(pixels: tf.Tensor4D, mask: tf.Tensor, fallback: tf.Tensor): tf.Tensor2D {
  // The fallback weighs a thousandth of a pixel: it decides only where no pixel does.
  const weight = 1e-3;
  const sum = tf.add(tf.sum(tf.mul(pixels, mask), [1, 2]), tf.mul(tf.squeeze(fallback, [1, 2]), weight));
  return tf.div(sum, tf.add(tf.sum(mask, [1, 2]), weight));
}

export const figureGroundSchema = variant("figure-ground", {
  /** Values of a channel that a color can take: L make a fixed palette of L^channels colors. Default: 4. */
  paletteLevels: optional(wholeNumber({ min: 2, max: 256 }), 4),
  /**
   * Where the two colors stand: `before` the grid's codes, as two codes of their own, which keeps the vocabulary small;
   * or `within` the grid's first two codes, which then are pairs of a color and a code of the codebook. Default: "before".
   */
  palettePlace: optional(oneOf(["before", "within"]), "before"),
});

/** Options of an image described as one flat color on another: two colors, and codes of the shape alone. */
export type FigureGroundOptions = OptionsOf<typeof figureGroundSchema>;
/** {@link FigureGroundOptions} with every default filled in. */
export type FigureGroundConfig = ConfigOf<typeof figureGroundSchema>;
