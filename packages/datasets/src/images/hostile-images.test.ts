import { deflateSync } from "node:zlib";
import { DataError, defaultLimits, type Limits } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { ImageDecoder, type ImageForm } from "../folders/image-decoder.js";
import { decodePng } from "./decode-png.js";
import { readImageHeader } from "./image-header.js";
import { png, pngOf, repairPng } from "./png.fixture.js";
import { readPngChunks } from "./png-chunks.js";

type Chunk = readonly [string, Uint8Array];
const end: Chunk = ["IEND", new Uint8Array()];

/** IHDR of an RGB image of 8 bits, or with other bytes after the sides. */
function header(width: number, height: number, rest = [8, 2, 0, 0, 0]): Chunk {
  const content = Buffer.alloc(8 + rest.length);
  content.writeUInt32BE(width, 0);
  content.writeUInt32BE(height, 4);
  content.set(rest, 8);
  return ["IHDR", content];
}

const data = (bytes: number): Chunk => ["IDAT", deflateSync(new Uint8Array(bytes))];
/** 64 MiB of zeros in 65 kB. */
const bomb = deflateSync(new Uint8Array(2 ** 26));
const named = (content: Uint8Array, ...before: number[]) => Buffer.concat([Buffer.from([120, ...before]), content]);

const form: ImageForm = { width: 4, height: 4, fit: "cover", channels: 3, background: [0, 0, 0], maxValue: 255 };
let decode: (bytes: Uint8Array, limits?: Partial<Limits>) => Promise<Uint8Array>;
beforeAll(() => {
  decode = async (bytes, limits = {}) =>
    (await ImageDecoder.create(form, { ...defaultLimits, ...limits })).decode(bytes);
});

/** The message of the typed error that both decoders end in, within a second and 32 MiB. */
async function refusal(bytes: Uint8Array, decoders = [decodeAlone, decode]): Promise<string[]> {
  const messages: string[] = [];
  for (const one of decoders) {
    const [start, peak] = [performance.now(), process.resourceUsage().maxRSS];
    const error: unknown = await one(bytes).then(
      () => expect.fail("decoded"),
      (reason) => reason,
    );
    expect(DataError.isInstance(error), String(error)).toBe(true);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(process.resourceUsage().maxRSS - peak).toBeLessThan(32 * 1024);
    messages.push((error as Error).message);
  }
  return messages;
}

async function decodeAlone(bytes: Uint8Array): Promise<unknown> {
  return decodePng(bytes, { limits: defaultLimits });
}

describe("hostile PNG files", () => {
  it.each<[string, readonly Chunk[], RegExp, (readonly number[])?]>([
    ["sides of 2³¹", [header(2 ** 31, 2 ** 31), data(9), end], /sides of 2147483648/],
    [
      "sides of 2³¹ − 1",
      [header(2 ** 31 - 1, 2 ** 31 - 1), data(9), end],
      /at most 67108864 pixels \(limits\.pixels\)/,
    ],
    ["a side of 0", [header(0, 4), data(9), end], /sides of 0 × 4/],
    ["16384 × 16384 pixels", [header(16_384, 16_384), data(9), end], /limits\.pixels/],
    ["a depth of 7", [header(4, 4, [7, 0, 0, 0, 0]), data(52), end], /depth 7|not readable/],
    ["a color type of 5", [header(4, 4, [8, 5, 0, 0, 0]), data(52), end], /color type 5/],
    ["no header first", [data(52), header(4, 4), end], /begin with its header/],
    ["too little data", [header(4, 4), data(20), end], /20 bytes of image data, expected 52|not readable/],
    ["no data", [header(4, 4), end], /damaged|not readable/],
    ["data that end early", [header(4, 4), ["IDAT", data(52)[1].subarray(0, 9)], end], /damaged|not readable/],
  ])("with %s are refused at once", async (_, chunks, message) => {
    for (const seen of await refusal(pngOf(chunks))) {
      expect(seen).toMatch(message);
    }
  });

  it("with more chunks than images have are refused", async () => {
    const file = pngOf([header(4, 4), ["tEXt", Buffer.from("x\0y")], data(52), end]);
    const [before, after] = [33, 33 + 15];
    const many = Buffer.alloc(15 * 100_000, file.subarray(before, after));
    const messages = await refusal(Buffer.concat([file.subarray(0, before), many, file.subarray(after)]));
    expect(messages).toEqual(Array(2).fill("expected at most 100000 chunks"));
  });

  it("inflate to no more than their size needs", async () => {
    const [alone] = await refusal(pngOf([header(4, 4), ["IDAT", bomb], end]), [decodeAlone]);
    expect(alone).toContain("more data than its size needs");
  });

  it("cannot hide as much in profiles and texts", async () => {
    for (const hidden of [
      ["iCCP", named(bomb, 0, 0)],
      ["zTXt", named(bomb, 0, 0)],
      ["iTXt", named(bomb, 0, 1, 0, 0, 0)],
    ] as const) {
      const file = pngOf([header(4, 4), hidden, data(52), end]);
      expect(await refusal(file, [decode])).toEqual([
        "expected profiles and texts of at most 16777216 bytes, got more",
      ]);
      expect(await decodeAlone(file)).toMatchObject({ width: 4, height: 4 });
    }
  });

  it("with a wrong checksum, cut anywhere, or with a color that the palette lacks are refused", async () => {
    const whole = pngOf([header(4, 4), data(52), end]);
    const wrong = whole.slice();
    wrong[29]! ^= 1;
    expect((await refusal(wrong))[0]).toContain("checksum");
    const [endless] = await refusal(pngOf([header(4, 4), data(52)]), [decodeAlone]);
    expect(endless).toContain("truncated");
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodePng(whole.subarray(0, length), { limits: defaultLimits })).toThrow(DataError);
    }
    const indexed = png({ width: 1, height: 1, bits: 8, colorType: 3, samples: [1], palette: [1, 2, 3] });
    expect((await refusal(indexed, [decodeAlone]))[0]).toContain("color 1 of a palette of 1");
  });

  it("that are animations give the image that stands for them", async () => {
    const [control, frame] = [Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]), Buffer.alloc(26)];
    frame.set([0, 0, 0x40, 0, 0, 0, 0x40, 0], 4);
    const file = pngOf([
      header(4, 4),
      ["acTL", control],
      data(52),
      ["fcTL", frame],
      ["fdAT", Buffer.concat([Buffer.alloc(4), bomb])],
      end,
    ]);
    expect(await decodeAlone(file)).toMatchObject({ width: 4, height: 4, samples: new Uint8Array(48) });
    expect(await decode(file)).toHaveLength(48);
  });
});

describe("JPEG and WebP files", () => {
  const image = () => sharp({ create: { width: 64, height: 64, channels: 3, background: "red" } });

  it("that claim to be huge are refused by their headers", async () => {
    const jpeg = await image().jpeg({ progressive: true }).toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc2]));
    jpeg.writeUInt16BE(65_535, frame + 5);
    jpeg.writeUInt16BE(65_535, frame + 7);
    expect((await refusal(jpeg, [decode]))[0]).toContain("got 65535 × 65535");
    const webp = await image().webp({ lossless: true }).toBuffer();
    webp.writeUInt32LE(0x0fff_ffff, 21);
    expect((await refusal(webp, [decode]))[0]).toContain("got 16384 × 16384");
  });

  it("are held to the limits that the caller sets", async () => {
    const file = await image().webp().toBuffer();
    expect(await decode(file, { pixels: 4096 })).toHaveLength(48);
    await expect(decode(file, { pixels: 4095 })).rejects.toThrow("at most 4095 pixels (limits.pixels), got 64 × 64");
    await expect(decode(file, { inflatedBytes: 9999 })).rejects.toThrow("limits.inflatedBytes");
  });

  it("have the sizes that sharp finds", async () => {
    for (const file of [
      image().jpeg(),
      image().jpeg({ progressive: true, mozjpeg: true }).withMetadata(),
      image().toColorspace("b-w").jpeg(),
      image().webp(),
      image().webp({ lossless: true }),
      image().ensureAlpha(0.5).webp().withMetadata(),
    ]) {
      const bytes = await file.resize(37, 51, { fit: "fill" }).toBuffer();
      const { channels } = await sharp(bytes).metadata();
      expect(readImageHeader(bytes)).toMatchObject({ width: 37, height: 51, isGray: channels === 1, bits: 8 });
    }
  });
});

describe("mutated images", () => {
  const limits = { ...defaultLimits, pixels: 2 ** 16 };
  const samples = [
    png({ width: 3, height: 2, bits: 8, colorType: 2, samples: Array.from({ length: 18 }, (_, i) => 9 * i) }),
    png({ width: 5, height: 5, bits: 2, colorType: 3, samples: new Array(25).fill(1), palette: [1, 2, 3, 4, 5, 6] }),
    png({ width: 3, height: 3, bits: 16, colorType: 4, samples: new Array(18).fill(999), isInterlaced: true }),
  ];
  const reached = (works: (bytes: Uint8Array) => unknown, bytes: Uint8Array) => {
    try {
      works(bytes);
      return true;
    } catch {
      return false;
    }
  };

  const readPng = (bytes: Uint8Array) => readImageHeader(bytes).format === "PNG" && readPngChunks(bytes);

  it("end in an image or a typed error: PNG", () =>
    fuzz({
      name: "PNG",
      samples,
      repair: repairPng,
      words: ["IHDR", "PLTE", "tRNS", "IDAT", "IEND", "iCCP", "acTL"],
      parse: (bytes) => decodePng(bytes, { limits }),
      depth: (bytes) =>
        reached(readPng, bytes) ? "header" : bytes[1] === 0x50 && bytes[3] === 0x47 ? "signature" : "none",
    }));

  it("end in an image or a typed error: PNG, JPEG and WebP by sharp", async () => {
    const image = () => sharp({ create: { width: 8, height: 9, channels: 3, background: "red" } });
    const files = [
      await image().jpeg().toBuffer(),
      await image().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
      await image().toColorspace("b-w").jpeg().toBuffer(),
      await image().webp().toBuffer(),
      await image().webp({ lossless: true }).toBuffer(),
    ].map((buffer) => Uint8Array.from(buffer));
    await fuzz({
      name: "images by sharp",
      samples: [...files, samples[0]!],
      parse: (bytes) => decode(bytes, limits),
      depth: (bytes) =>
        reached(readImageHeader, bytes) ? "header" : [0x50, 0xd8, 0x49].includes(bytes[1]!) ? "signature" : "none",
    });
  });
});
