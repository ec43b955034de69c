/** What the original's write-up gives for MNIST. */
export const publishedFigures = {
  /** Share of the first 1000 test lines that show the image first, digits drawn at temperature 0.8. */
  readRight: 0.932,
  /** Of test images on [0, 1]. */
  meanSquaredError: 0.0227,
};

/**
 * Whether a run's figures can stand beside the published ones: not those of procedural digits, nor of lines, which may
 * be of any images.
 *
 * @param source - As the data set tells it: "MNIST (60000 + 10000) from …".
 */
export function isOfMnist({ source }: { readonly source: string }): boolean {
  return source.startsWith("MNIST ");
}
