import { ConfigError, type ImageBatch } from "@mmgen/core";

/**
 * Room for the levels of so many images, all 0.
 *
 * @throws a {@link ConfigError} when there is not as much memory.
 */
export function allocateImages(
  count: number,
  { height, width, channels }: Pick<ImageBatch, "height" | "width" | "channels">,
): Uint8Array<ArrayBuffer> {
  const bytes = count * height * width * channels;
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new ConfigError(
      `${count} images of ${height} × ${width} × ${channels} take ${bytes} bytes, more than can be allocated. Choose a smaller ` +
        "side, or read fewer at once.",
      { cause },
    );
  }
}
