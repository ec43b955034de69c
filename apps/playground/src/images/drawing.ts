import type { ImageBatch } from "@mmgen/core";

/** A color, each part from 0 to 255. */
export type Rgb = readonly [number, number, number];

/** Pixels that one can draw on. */
export class Drawing {
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]`. */
  readonly pixels: Uint8ClampedArray;
  #ground: Rgb;

  constructor({ height, width }: { readonly height: number; readonly width: number }, ground: Rgb) {
    this.height = height;
    this.width = width;
    this.pixels = new Uint8ClampedArray(height * width * 3);
    this.#ground = ground;
    this.clear();
  }

  /** Colors what lies within `radius` of the line between two points, in pixels from the upper left corner. */
  line(from: readonly [number, number], to: readonly [number, number], radius: number, color: Rgb): void {
    const steps = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) * 2) || 1;
    for (let step = 0; step <= steps; step++) {
      const x = from[0] + ((to[0] - from[0]) * step) / steps;
      const y = from[1] + ((to[1] - from[1]) * step) / steps;
      for (let row = Math.max(0, Math.floor(y - radius)); row < Math.min(this.height, y + radius + 1); row++) {
        for (
          let column = Math.max(0, Math.floor(x - radius));
          column < Math.min(this.width, x + radius + 1);
          column++
        ) {
          if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius) {
            this.#set(row, column, color);
          }
        }
      }
    }
  }

  /** Changes the ground's color wherever nothing was drawn. */
  setGround(ground: Rgb): void {
    for (let place = 0; place < this.pixels.length; place += 3) {
      if (this.#isGround(place)) {
        this.pixels.set(ground, place);
      }
    }
    this.#ground = ground;
  }

  clear(): void {
    for (let place = 0; place < this.pixels.length; place += 3) {
      this.pixels.set(this.#ground, place);
    }
  }

  /** Takes over the pixels of a picture of the same size, `[height, width, 4]`. */
  setRgba(rgba: ArrayLike<number>): void {
    for (let place = 0; place < this.height * this.width; place++) {
      this.pixels.set([rgba[place * 4]!, rgba[place * 4 + 1]!, rgba[place * 4 + 2]!], place * 3);
    }
  }

  /** What was drawn, moved by whole pixels so that its center of mass is the middle, as MNIST's digits are; none is lost. */
  centered(): Drawing {
    const places = Array.from({ length: this.height * this.width }, (_, i) => i).filter((i) => !this.#isGround(i * 3));
    const shiftOf = (at: readonly number[], size: number) => {
      const mean = at.reduce((sum, value) => sum + value, 0) / Math.max(at.length, 1);
      const [lowest, highest] = [Math.min(...at), Math.max(...at)];
      return at.length === 0 ? 0 : Math.max(-lowest, Math.min(size - 1 - highest, Math.round((size - 1) / 2 - mean)));
    };
    const right = shiftOf(
      places.map((place) => place % this.width),
      this.width,
    );
    const down = shiftOf(
      places.map((place) => Math.floor(place / this.width)),
      this.height,
    );
    const moved = new Drawing(this, this.#ground);
    for (const place of places) {
      moved.pixels.set(this.pixels.subarray(place * 3, place * 3 + 3), (place + down * this.width + right) * 3);
    }
    return moved;
  }

  /** One image with so many channels and levels: gray is the mean of the colors. */
  toImage({ channels, maxValue }: Pick<ImageBatch, "channels" | "maxValue">): ImageBatch {
    const data = new Uint8Array(this.height * this.width * channels);
    for (let place = 0; place < this.height * this.width; place++) {
      const rgb = [...this.pixels.subarray(place * 3, place * 3 + 3)];
      const levels = channels === 1 ? [(rgb[0]! + rgb[1]! + rgb[2]!) / 3] : rgb.slice(0, channels);
      data.set(
        levels.map((level) => Math.round((level * maxValue) / 255)),
        place * channels,
      );
    }
    return { data, count: 1, height: this.height, width: this.width, channels, maxValue };
  }

  #set(row: number, column: number, color: Rgb): void {
    this.pixels.set(color, (row * this.width + column) * 3);
  }

  #isGround(place: number): boolean {
    return [0, 1, 2].every((channel) => this.pixels[place + channel] === this.#ground[channel]);
  }
}
