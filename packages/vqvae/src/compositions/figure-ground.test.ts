import { ConfigError, type ImageBatch, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VqVae, type VqVaeOptions } from "../index.js";
import { reconstructionMetrics } from "../model/reconstruction.fixture.js";
import { trainSteps } from "../model/train-steps.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

const tiny = {
  imageSide: 6,
  head: "categorical",
  composition: { type: "figure-ground" },
  network: { hiddenChannels: 8, stages: 2, residualBlocks: 1 },
  quantizer: { codebookSize: 8, codeDimension: 4 },
} as const satisfies VqVaeOptions;
const create = (options: VqVaeOptions = {}) => VqVae.create({ ...tiny, ...options }, { random: Random.fromSeed(1) });

type Color = readonly number[];

/** A bar of half the rows and two columns on a ground, its place by the image's number. */
function bars(colors: readonly (readonly [figure: Color, ground: Color])[], side = 6, maxValue = 3): ImageBatch {
  const channels = colors[0]![0].length;
  const data = colors.flatMap(([figure, ground], image) =>
    Array.from({ length: side * side }, (_, pixel) => {
      const [row, column] = [Math.floor(pixel / side), pixel % side];
      const at = image % (side - 2);
      return row < side / 2 && column >= at && column < at + 2 ? figure : ground;
    }).flat(),
  );
  return { data: Uint8Array.from(data), count: colors.length, height: side, width: side, channels, maxValue };
}

function randomColors(count: number, channels = 3, seed = 3): [Color, Color][] {
  const random = Random.fromSeed(seed);
  const draw = () => Array.from({ length: channels }, () => random.integer(4));
  return Array.from({ length: count }, () => {
    const [figure, ground] = [draw(), draw()];
    // Two equal colors make no figure.
    return [figure.join() === ground.join() ? figure.map((level) => 3 - level) : figure, ground];
  });
}

const paletteCode = (color: Color) => color.reduce((sum, level, channel) => sum + level * 4 ** channel, 0);
const gridOf = (codes: Int32Array, image: number) => codes.slice(image * 6 + 2, image * 6 + 6);

describe("figure-ground codes", () => {
  it("start with the exact colors of figure and ground, and go on past the palette", async () => {
    using model = create();
    const colors = randomColors(200);
    const { data, ...shape } = await model.encode(bars(colors));
    expect(shape).toEqual({ count: 200, height: 1, width: 6 });
    expect(model.codeGrid).toEqual({ height: 1, width: 6 });
    expect(model.codebookSize).toBe(64 + 8);
    colors.forEach(([figure, ground], i) => {
      expect(Array.from(data.slice(i * 6, i * 6 + 2))).toEqual([paletteCode(figure), paletteCode(ground)]);
      for (const code of gridOf(data, i)) {
        expect(code).toBeGreaterThanOrEqual(64);
        expect(code).toBeLessThan(72);
      }
    });
  });

  it("say the same of a shape in whatever colors", async () => {
    using model = create();
    const codes = [1, 2, 3].map((seed) => model.encode(bars(randomColors(40, 3, seed))));
    const [one, two, three] = await Promise.all(codes);
    for (let image = 0; image < 40; image++) {
      expect(gridOf(two!.data, image)).toEqual(gridOf(one!.data, image));
      expect(gridOf(three!.data, image)).toEqual(gridOf(one!.data, image));
    }
    // Bars at four places are not all the same codes.
    expect(new Set(Array.from({ length: 4 }, (_, i) => gridOf(one!.data, i).join())).size).toBeGreaterThan(1);
  });

  it("give an image of one color that color, twice", async () => {
    using model = create();
    const flat = [2, 0, 3];
    const { data } = await model.encode(bars([[flat, flat]]));
    expect(Array.from(data.slice(0, 2))).toEqual([paletteCode(flat), paletteCode(flat)]);
    const back = await model.reconstruct(bars([[flat, flat]]));
    expect(back.data).toEqual(bars([[flat, flat]]).data);
  });

  it("paint every pixel in one of the two colors", async () => {
    using model = create();
    const colors = randomColors(50);
    const images = bars(colors);
    const { data } = await model.reconstruct(images);
    for (let pixel = 0; pixel < data.length / 3; pixel++) {
      const pair = colors[Math.floor(pixel / 36)]!;
      const got = data.subarray(3 * pixel, 3 * pixel + 3).join();
      expect(pair.map((color) => color.join())).toContain(got);
    }
  });

  it("of the wrong kind are read as the nearest of the right kind", async () => {
    using model = create();
    const decode = async (codes: number[]) =>
      (await model.decode({ data: Int32Array.from(codes), count: 1, height: 1, width: 6 })).data;
    expect(await decode([71, 64, 3, 63, 65, 70])).toEqual(await decode([63, 63, 64, 64, 65, 70]));
  });

  it("follow the nearest palette color where the image has more levels", async () => {
    using model = create({
      head: "regression",
      maxValue: 255,
      composition: { type: "figure-ground", paletteLevels: 2 },
    });
    const { data } = await model.encode(
      bars(
        [
          [
            [250, 10, 120],
            [5, 140, 0],
          ],
        ],
        6,
        255,
      ),
    );
    expect(Array.from(data.slice(0, 2))).toEqual([0b001, 0b010]);
  });
});

describe("colors within the grid", () => {
  const within = { composition: { type: "figure-ground", palettePlace: "within" } } as const;

  it("are said by its first two codes, which say a shape's code too", async () => {
    using model = create(within);
    using apart = create();
    const images = bars(randomColors(40));
    const [got, separate] = [await model.encode(images), await apart.encode(images)];
    expect(got).toMatchObject({ count: 40, ...model.codeGrid });
    expect(model.codeGrid).toEqual({ height: 2, width: 2 });
    expect(model.codebookSize).toBe(64 * 8);
    for (let image = 0; image < 40; image++) {
      const [figure, ground, ...shape] = separate.data.slice(image * 6, image * 6 + 6);
      const own = shape.map((code) => code - 64);
      const expected = [8 * figure! + own[0]!, 8 * ground! + own[1]!, own[2], own[3]];
      expect(Array.from(got.data.slice(image * 4, image * 4 + 4))).toEqual(expected);
    }
    expect(await model.decode(got)).toEqual(await apart.decode(separate));
  });

  it("cost the same, and learn the same", async () => {
    const images = bars(randomColors(8));
    const losses: number[][] = [];
    for (const options of [within, {}]) {
      using model = create(options);
      losses.push(await trainSteps(model, images, 3));
    }
    expect(losses[0]).toEqual(losses[1]);
  });

  it("survive a save, and read a code that its place does not have as the nearest", async () => {
    using model = create(within);
    using loaded = VqVae.fromSafetensors(await model.toSafetensors());
    expect(loaded.config.composition).toEqual({ ...within.composition, paletteLevels: 4 });
    const decode = async (codes: number[]) =>
      (await loaded.decode({ data: Int32Array.from(codes), count: 1, height: 2, width: 2 })).data;
    expect(await decode([511, 8, 8, 511])).toEqual(await decode([511, 8, 7, 7]));
    await expect(decode([512, 0, 0, 0])).rejects.toThrow("512");
  });

  it("have room in every quantizer's codes", async () => {
    using model = create({
      ...within,
      network: { ...tiny.network, stages: 1 },
      quantizer: { type: "residual", stages: 2, codebookSize: 8, codeDimension: 4 },
    });
    expect(model.codeGrid).toEqual({ height: 3, width: 6 });
    const images = bars(randomColors(5));
    const codes = await model.encode(images);
    expect(codes.data.length).toBe(5 * 18);
    expect(codes.data.every((code) => code >= 0 && code < model.codebookSize)).toBe(true);
  });
});

describe("figure-ground training", () => {
  for (const { head, channels } of [
    { head: "regression", channels: 1 },
    { head: "categorical", channels: 3 },
  ] as const) {
    it(`learns shapes: ${head}, ${channels} channels`, async () => {
      using model = create({ head, channels, imageSide: 4, network: { ...tiny.network, stages: 1 } });
      const images = bars(randomColors(16, channels), 4);
      const before = reconstructionMetrics(images, await model.reconstruct(images));
      const losses = await trainSteps(model, images, 40);
      expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!);
      const after = reconstructionMetrics(images, await model.reconstruct(images));
      expect(after.exactLevelAccuracy).toBeGreaterThan(before.exactLevelAccuracy + 0.1);
    });
  }

  it("has the loss of the mixture of two flat colors", () => {
    using model = create({ network: { ...tiny.network, normalization: "none" } });
    const [figure, ground] = [
      [0, 1, 2],
      [3, 1, 0],
    ] as const;
    const images = bars([[figure, ground]]);
    tf.tidy(() => {
      // With the last layer at zero every pixel is either color with probability a half.
      for (const part of ["weight", "bias"]) {
        const variable = model.parameters.get(`decoder.up.1.conv.${part}`)!;
        variable.assign(tf.zerosLike(variable));
      }
      const { metrics } = model.loss(images, { training: true });
      // The second channel is the same in both colors and costs next to nothing: of the others each is one bit.
      // Strays and the bell's foot, 0.002 each, are the rest.
      expect(Math.abs(metrics.reconstruction!.dataSync()[0]! - (2 / 3) * Math.LN2)).toBeLessThan(5e-3);
    });
  });

  it("leaves no tensor behind, and survives a save", async () => {
    const images = bars(randomColors(8));
    const before = tf.memory().numTensors;
    const model = create();
    const held = tf.memory().numTensors;
    await trainSteps(model, images, 3);
    const codes = await model.encode(images);
    const loaded = VqVae.fromSafetensors(await model.toSafetensors());
    expect(loaded.config.composition).toEqual({ type: "figure-ground", paletteLevels: 4, palettePlace: "before" });
    expect(await loaded.encode(images)).toEqual(codes);
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(held);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("figure-ground checks", () => {
  it("name what is wrong", () => {
    const within = { type: "figure-ground", palettePlace: "within" } as const;
    expect(() => create({ composition: { ...within, palettePlace: "after" as never } })).toThrow(
      '"before" or "within"',
    );
    expect(() => create({ composition: { ...within, paletteLevels: 40 } })).toThrow("expected at most 65536");
    const vast = { quantizer: { codebookSize: 2048, codeDimension: 4 } };
    expect(() => create({ composition: within, ...vast })).toThrow("64 colors within 2048 codes make 131072");
    const dense = { imageSide: 2, network: { type: "dense", hidden: [8] }, quantizer: { codeDimension: 4 } } as const;
    expect(() => create({ ...dense, composition: within })).toThrow("2 colors within a grid of 1 codes");
    expect(() => create({ composition: { type: "collage" as never } })).toThrow(ConfigError);
    expect(() => create({ composition: { type: "figure-ground", paletteLevels: 1 } })).toThrow("paletteLevels");
    expect(() => create({ composition: { type: "figure-ground", paletteLevels: 64 } })).toThrow("262144 colors");
  });
});
