import { type ImageBatch, Random } from "@mmgen/core";

const colors = { red: [3, 0, 0], green: [0, 3, 0], blue: [0, 0, 3], white: [3, 3, 3] } as const;
const names = Object.keys(colors) as (keyof typeof colors)[];

/** Images of 8×8 pixels and four levels, a square of one color on another, with captions: "a red square on blue". */
export function squares(count: number, seed: number): { images: ImageBatch; captions: string[] } {
  const random = Random.fromSeed(seed);
  const data = new Uint8Array(count * 8 * 8 * 3);
  const captions: string[] = [];
  for (let i = 0; i < count; i++) {
    const figure = names[random.integer(4)]!;
    const others = names.filter((name) => name !== figure);
    const ground = others[random.integer(3)]!;
    const [left, top] = [1 + random.integer(3), 1 + random.integer(3)];
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        const inside = x >= left && x < left + 4 && y >= top && y < top + 4;
        data.set(colors[inside ? figure : ground], ((i * 8 + y) * 8 + x) * 3);
      }
    }
    captions.push(`a ${figure} square on ${ground}`);
  }
  return { images: { data, count, height: 8, width: 8, channels: 3, maxValue: 3 }, captions };
}

/** The colors of each image's center and corner, by name; of another color than there is, its levels. */
export function squareColors({ count, data }: ImageBatch): [figure: string, ground: string][] {
  const nameAt = (i: number, pixel: number): string => {
    const levels = [...data.subarray((i * 64 + pixel) * 3, (i * 64 + pixel) * 3 + 3)];
    return names.find((name) => colors[name].every((level, channel) => level === levels[channel])) ?? `${levels}`;
  };
  // Every square covers the pixel at (4, 4), and none the one at (0, 0).
  return Array.from({ length: count }, (_, i) => [nameAt(i, 4 * 8 + 4), nameAt(i, 0)]);
}
