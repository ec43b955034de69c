import type { ImageBatch } from "@mmgen/core";
import type { Appearing } from "../protocol/messages.js";

/** Image `index` as a canvas takes it: red, green, blue, opaque, row by row. A gray image has all three alike. */
export function toRgba({ data, height, width, channels, maxValue }: ImageBatch, index: number): Uint8ClampedArray {
  const pixels = height * width;
  const rgba = new Uint8ClampedArray(pixels * 4).fill(255);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const level = data[(index * pixels + pixel) * channels + Math.min(channel, channels - 1)]!;
      rgba[pixel * 4 + channel] = (level * 255) / maxValue;
    }
  }
  return rgba;
}

/** A canvas of the images' size that shows one of them. */
export function imageCanvas(images: ImageBatch, index: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  paint(canvas, images, index);
  return canvas;
}

/**
 * Paints image `index`.
 *
 * @param hidden - Places that are not painted. Default: none.
 */
export function paint(
  canvas: HTMLCanvasElement,
  images: ImageBatch,
  index: number,
  hidden?: Appearing["hidden"],
): void {
  const { height, width } = images;
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  image.data.set(toRgba(images, index));
  if (hidden !== undefined) {
    for (let pixel = 0; pixel < height * width; pixel++) {
      const row = Math.floor((Math.floor(pixel / width) * hidden.height) / height);
      const column = Math.floor(((pixel % width) * hidden.width) / width);
      if (hidden.data[(index * hidden.height + row) * hidden.width + column] === 1) {
        image.data[pixel * 4 + 3] = 0;
      }
    }
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
