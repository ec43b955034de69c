import type { ImageBatch } from "@mmgen/core";

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

/** Fills `grid` with the images, each over its caption. */
export function showImages(grid: Element, images: ImageBatch, captions: readonly string[]): void {
  const figures = captions.map((caption, index) => {
    const canvas = document.createElement("canvas");
    canvas.width = images.width;
    canvas.height = images.height;
    paint(canvas, images, index);
    const text = document.createElement("figcaption");
    text.textContent = caption;
    const figure = document.createElement("figure");
    figure.append(canvas, text);
    return figure;
  });
  grid.replaceChildren(...figures);
}

/** Paints image `index` on a canvas of its size. */
export function paint(canvas: HTMLCanvasElement, images: ImageBatch, index: number): void {
  const image = new ImageData(images.width, images.height);
  image.data.set(toRgba(images, index));
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
