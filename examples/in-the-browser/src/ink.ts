import type { ImageBatch } from "@mmgen/core";

/** A color as levels of red, green and blue. */
export type Levels = readonly [number, number, number];

/** A square of pixels that have ink or none. */
export class Ink {
  readonly pixels: Uint8Array;

  constructor(readonly side: number) {
    this.pixels = new Uint8Array(side * side);
  }

  /** Inks what lies within `radius` of the line between two points, in pixels from the upper left corner. */
  line(from: readonly [number, number], to: readonly [number, number], radius: number): void {
    const steps = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) * 2) || 1;
    for (let step = 0; step <= steps; step++) {
      const [x, y] = [0, 1].map((axis) => from[axis]! + ((to[axis]! - from[axis]!) * step) / steps) as [number, number];
      for (let row = 0; row < this.side; row++) {
        for (let column = 0; column < this.side; column++) {
          if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius) {
            this.pixels[row * this.side + column] = 1;
          }
        }
      }
    }
  }

  clear(): void {
    this.pixels.fill(0);
  }

  /** The ink moved by whole pixels so that its center of mass is the middle, as MNIST's digits are; none is lost. */
  centered(): Ink {
    const places = [...this.pixels.keys()].filter((place) => this.pixels[place] === 1);
    const shift = [(place: number) => place % this.side, (place: number) => Math.floor(place / this.side)].map(
      (axis) => {
        const at = places.map(axis);
        const mean = at.reduce((sum, value) => sum + value, 0) / Math.max(at.length, 1);
        const wanted = Math.round((this.side - 1) / 2 - mean);
        return Math.max(-Math.min(...at), Math.min(this.side - 1 - Math.max(...at), wanted));
      },
    ) as [number, number];
    const moved = new Ink(this.side);
    for (const place of places) {
      moved.pixels[place + shift[1] * this.side + shift[0]] = 1;
    }
    return moved;
  }

  /** One image: the ink in one color, the rest in the other. */
  colored(figure: Levels, ground: Levels, maxValue: number): ImageBatch {
    const data = Uint8Array.from([...this.pixels].flatMap((inked) => (inked ? figure : ground)));
    return { data, count: 1, height: this.side, width: this.side, channels: 3, maxValue };
  }
}
