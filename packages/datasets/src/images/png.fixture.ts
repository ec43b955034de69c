import { crc32, deflateSync } from "node:zlib";

/** An image to write as PNG, in any of the forms that the format has. */
export interface PngForm {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha. */
  readonly colorType: number;
  /** `[height, width, channels]`; indices where there is a palette. */
  readonly samples: readonly number[];
  readonly palette?: readonly number[];
  readonly transparency?: readonly number[];
  readonly isInterlaced?: boolean;
  /** Filters of the rows, in turn; all 0 when absent. */
  readonly filters?: readonly number[];
}

const channelsOf = [1, 0, 3, 1, 2, 0, 4];
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Writes a PNG file of any form. */
export function png(form: PngForm): Uint8Array {
  const { width, height, bits, colorType, palette, transparency, isInterlaced = false } = form;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colorType, 0, 0, isInterlaced ? 1 : 0], 8);
  return pngOf([
    ["IHDR", header],
    ...(palette ? [["PLTE", Uint8Array.from(palette)] as const] : []),
    ...(transparency ? [["tRNS", Uint8Array.from(transparency)] as const] : []),
    ["IDAT", stored(Uint8Array.from(lines(form)))],
    ["IEND", new Uint8Array()],
  ]);
}

/** The signature and these chunks, with their lengths and checksums. */
export function pngOf(chunks: readonly (readonly [type: string, content: Uint8Array])[]): Uint8Array {
  const parts = chunks.flatMap(([type, content]) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc32(body));
    return [length, body, sum];
  });
  return Uint8Array.from(Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]));
}

/** Makes the lengths and checksums of a mutated file fit again, of its chunks and of the data in them. */
export function repairPng(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  const types = [...text.matchAll(/IHDR|PLTE|tRNS|IDAT|IEND/g)].map(({ 0: type, index }) => ({ type, index }));
  return pngOf(
    types.map(({ type, index }, i) => {
      const end = Math.max(index + 4, (types[i + 1]?.index ?? bytes.length) - 8);
      const content = bytes.subarray(index + 4, type === "IEND" ? index + 4 : end);
      return [type, type === "IDAT" ? stored(content.subarray(7, Math.max(7, content.length - 4))) : content];
    }),
  );
}

/** Deflated as it is: 7 bytes, the content and 4 bytes. */
function stored(content: Uint8Array): Uint8Array {
  return deflateSync(content, { level: 0 });
}

/** Rows with their filter bytes, pass after pass. */
function lines({ width, height, bits, colorType, samples, isInterlaced, filters = [0] }: PngForm): number[] {
  const channels = channelsOf[colorType]!;
  const step = Math.max(1, (channels * bits) / 8);
  const out: number[] = [];
  for (const [left, top, stepX, stepY] of isInterlaced ? passes : [[0, 0, 1, 1] as const]) {
    let above: number[] | undefined;
    for (let y = top; y < height; y += stepY) {
      const row: number[] = [];
      for (let x = left; x < width; x += stepX) {
        row.push(...samples.slice((y * width + x) * channels, (y * width + x + 1) * channels));
      }
      if (row.length > 0) {
        const bytes = packed(row, bits);
        const filter = filters[out.length % filters.length]!;
        out.push(filter, ...bytes.map((byte, i) => (byte - predicted({ filter, bytes, above, step, i })) & 255));
        above = bytes;
      }
    }
  }
  return out;
}

function packed(row: readonly number[], bits: number): number[] {
  const text = row.map((sample) => sample.toString(2).padStart(bits, "0")).join("");
  return (text.padEnd(8 * Math.ceil(text.length / 8), "0").match(/.{8}/g) ?? []).map((byte) =>
    Number.parseInt(byte, 2),
  );
}

interface Place {
  readonly filter: number;
  readonly bytes: readonly number[];
  readonly above: readonly number[] | undefined;
  readonly step: number;
  readonly i: number;
}

function predicted({ filter, bytes, above, step, i }: Place): number {
  const [a, b, c] = [bytes[i - step] ?? 0, above?.[i] ?? 0, above?.[i - step] ?? 0];
  const p = a + b - c;
  const nearest = [a, b, c].sort((one, other) => Math.abs(p - one) - Math.abs(p - other))[0]!;
  return [0, a, b, Math.floor((a + b) / 2), nearest][filter]!;
}
