import "@mmgen/nn/gradients";
import { CheckpointError, ConfigError, type ImageBatch, MmgenError, Random, ShapeError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VqVae, type VqVaeOptions } from "../index.js";
import { reconstructionMetrics } from "./reconstruction.fixture.js";
import { trainSteps } from "./train-steps.fixture.js";

beforeAll(() => tf.setBackend("cpu"));

const tiny: VqVaeOptions = {
  imageSide: 8,
  network: { hiddenChannels: 8, residualBlocks: 1 },
  quantizer: { codebookSize: 8, codeDimension: 4 },
};
const create = (options: VqVaeOptions = {}, seed = 1) =>
  VqVae.create(
    {
      ...tiny,
      ...options,
      network: { ...tiny.network, ...options.network },
      quantizer: { ...tiny.quantizer, ...options.quantizer },
    },
    { random: Random.fromSeed(seed) },
  );

/** Two flat colors an image, split at a column: little enough that a tiny model learns it. */
function stripes(count: number, seed = 5, { channels = 3, maxValue = 3, side = 8 } = {}): ImageBatch {
  const random = Random.fromSeed(seed);
  const data = new Uint8Array(count * side * side * channels);
  for (let image = 0; image < count; image++) {
    const split = side === 1 ? 1 : 1 + random.integer(side - 1);
    const colors = Array.from({ length: 2 * channels }, () => random.integer(2) * maxValue);
    for (let pixel = 0; pixel < side * side; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        const color = pixel % side < split ? channel : channels + channel;
        data[(image * side * side + pixel) * channels + channel] = colors[color]!;
      }
    }
  }
  return { data, count, height: side, width: side, channels, maxValue };
}

describe("shapes", () => {
  for (const [imageSide, stages, channels, grid] of [
    [28, 2, 3, 7],
    [32, 2, 1, 8],
    [8, 1, 3, 4],
    [8, 3, 1, 1],
    [28, 3, 3, 4],
    [9, 1, 1, 5],
    [5, 4, 3, 1],
    [33, 5, 4, 2],
    [1, 1, 1, 1],
  ] as const) {
    it(`${imageSide} pixels of ${channels} channels and ${stages} stages give ${grid}×${grid} codes`, async () => {
      using model = create({ imageSide, channels, network: { stages } });
      expect(model.codeGrid).toEqual({ height: grid, width: grid });
      const images = stripes(3, 1, { side: imageSide, channels });
      const codes = await model.encode(images);
      expect(codes).toMatchObject({ count: 3, height: grid, width: grid });
      expect(codes.data.length).toBe(3 * grid * grid);
      const decoded = await model.decode(codes);
      expect({ ...decoded, data: decoded.data.length }).toEqual({ ...images, data: images.data.length });
    });
  }

  it("takes gray images of 256 levels and a hidden width equal to the code dimension", async () => {
    using model = create({ channels: 1, maxValue: 255, network: { hiddenChannels: 4 } });
    const images = stripes(2, 1, { channels: 1, maxValue: 255 });
    expect((await model.reconstruct(images)).data.length).toBe(images.data.length);
    expect([...model.parameters.keys()].filter((name) => name.includes("projection"))).toEqual([]);
  });

  it("makes no difference between one batch and several", async () => {
    using model = create();
    const images = stripes(131);
    const together = await model.encode(images);
    const last = await model.encode({ ...images, data: images.data.subarray(130 * 192), count: 1 });
    expect(together.data.slice(-4)).toEqual(last.data);
    expect((await model.encode({ ...images, data: new Uint8Array(0), count: 0 })).data.length).toBe(0);
  });
});

describe("training", () => {
  for (const { head, codebook } of [
    { head: "regression", codebook: "ema" },
    { head: "categorical", codebook: "gradient" },
  ] as const) {
    it(`reduces the loss: ${head}, ${codebook} codebook`, async () => {
      using model = create({ head, imageSide: 4, network: { stages: 1 }, quantizer: { codebook } });
      const images = stripes(16, 5, { side: 4 });
      const before = reconstructionMetrics(images, await model.reconstruct(images));
      const losses = await trainSteps(model, images, 25);
      expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!);
      // The running statistics of batch norm lag 25 steps behind the weights; they still have to serve.
      const after = reconstructionMetrics(images, await model.reconstruct(images));
      expect(after.exactLevelAccuracy).toBeGreaterThan(before.exactLevelAccuracy + 0.1);
    });
  }

  it("gives every variable a gradient", () => {
    using model = create({ quantizer: { codebook: "gradient" } });
    tf.tidy(() => {
      const { grads } = tf.variableGrads(
        () => model.loss(stripes(4), { training: true }).total,
        [...model.parameters.values()],
      );
      for (const [name, variable] of model.parameters) {
        expect(grads[variable.name]?.shape, name).toEqual(variable.shape);
      }
    });
  });

  it("has the gradient of its loss, against finite differences in the decoder", () => {
    // Below the codes the loss is smooth only between changes of code, so the decoder is where differences are exact.
    using model = create({ network: { normalization: "none" } });
    const images = stripes(4);
    const options = { training: true };
    for (const name of ["decoder.up.1.conv.weight", "decoder.residual.0.conv1.bias", "decoder.projection.weight"]) {
      const variable = model.parameters.get(name)!;
      const total = () => tf.tidy(() => model.loss(images, options).total.dataSync()[0]!);
      const gradient = tf.tidy(() =>
        tf.variableGrads(() => model.loss(images, options).total, [variable]).grads[variable.name]!.dataSync(),
      );
      const values = variable.dataSync().slice();
      for (const index of [0, 3]) {
        const at = (offset: number) => {
          const moved = Float32Array.from(values);
          moved[index] = moved[index]! + offset;
          tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
          return total();
        };
        // Float32 rounding of a loss near 1 over a step of 2e-2 leaves about 1e-5.
        expect(gradient[index]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 3);
      }
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    }
  });

  it("adds up its terms", () => {
    using model = create({ quantizer: { codebook: "gradient", commitmentWeight: 0.5 } });
    tf.tidy(() => {
      const { total, metrics } = model.loss(stripes(4), { training: true });
      const value = (name: string) => metrics[name]!.dataSync()[0]!;
      expect(total.dataSync()[0]).toBeCloseTo(
        value("reconstruction") + 0.5 * value("commitment") + value("codebook"),
        5,
      );
      expect(value("commitment")).toBeCloseTo(value("codebook"), 6);
    });
  });

  it("keeps the running statistics of batch norm as PyTorch does", async () => {
    using model = create({ network: { residualBlocks: 0 } });
    const images = stripes(4);
    const input = tf.tidy(() => {
      const { aux } = model.loss(images, { training: true });
      model.afterStep(aux, Random.fromSeed(1));
      const pixels = tf.sub(tf.mul(tf.tensor4d(images.data, [4, 8, 8, 3]), 2 / 3), 1) as tf.Tensor4D;
      const [filter, bias] = ["weight", "bias"].map((part) => model.parameters.get(`encoder.down.0.conv.${part}`)!);
      return tf.moments(tf.add(tf.conv2d(pixels, filter as never, 2, "same"), bias!), [0, 1, 2]);
    });
    const mean = model.buffers.get("encoder.down.1.norm.running_mean")!.dataSync();
    const variance = model.buffers.get("encoder.down.1.norm.running_var")!.dataSync();
    const [batchMean, batchVariance] = [input.mean.dataSync(), input.variance.dataSync()];
    for (let channel = 0; channel < 8; channel++) {
      expect(mean[channel]).toBeCloseTo(0.1 * batchMean[channel]!, 5);
      // 4 images of 4×4 values: the unbiased variance is 64/63 of the biased one.
      expect(variance[channel]).toBeCloseTo(0.9 + 0.1 * batchVariance[channel]! * (64 / 63), 5);
    }
    tf.dispose(input);
  });

  it("leaves no tensor behind", async () => {
    const images = stripes(8);
    const before = tf.memory().numTensors;
    const model = create();
    const held = tf.memory().numTensors;
    await model.initialize(images, Random.fromSeed(1));
    await trainSteps(model, images, 3);
    await model.reconstruct(images);
    const { total, metrics, aux } = model.loss(images, { training: true });
    model.afterStep(aux, Random.fromSeed(1));
    expect(tf.memory().numTensors).toBe(held + 1 + Object.keys(metrics).length + Object.keys(aux).length);
    tf.dispose([total, metrics, aux]);
    VqVae.fromSafetensors(await model.toSafetensors()).dispose();
    expect(tf.memory().numTensors).toBe(held);
    model.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("initialize", () => {
  it("runs once, also across a save", async () => {
    using model = create();
    const images = stripes(16);
    const codebook = () => model.buffers.get("quantizer.codebook")!.dataSync().slice();
    const fresh = codebook();
    await model.initialize(images, Random.fromSeed(1));
    const started = codebook();
    expect(started).not.toEqual(fresh);
    await model.initialize(images, Random.fromSeed(2));
    expect(codebook()).toEqual(started);
    using loaded = VqVae.fromSafetensors(await model.toSafetensors());
    await loaded.initialize(images, Random.fromSeed(2));
    expect(loaded.buffers.get("quantizer.codebook")!.dataSync()).toEqual(started);
  });
});

describe("checkpoints", () => {
  it("give the same model back", async () => {
    using model = create({ head: "categorical" });
    const images = stripes(4);
    await trainSteps(model, images, 2);
    const bytes = await model.toSafetensors();
    using loaded = VqVae.fromSafetensors(bytes);
    expect(loaded.config).toEqual(model.config);
    const codes = await model.encode(images);
    expect(await loaded.encode(images)).toEqual(codes);
    expect(await loaded.decode(codes)).toEqual(await model.decode(codes));
    expect(await loaded.toSafetensors()).toEqual(bytes);
  });

  it("that are foreign or damaged are refused, and nothing is left behind", async () => {
    using model = create();
    const bytes = await model.toSafetensors();
    const text = Buffer.from(bytes).toString("latin1");
    const foreign = Buffer.from(text.replace("mmgen.vqvae", "other-model"), "latin1");
    const reshaped = Buffer.from(text.replace('\\"codeDimension\\":4', '\\"codeDimension\\":5'), "latin1");
    const impossible = Buffer.from(text.replace('\\"imageSide\\":8', '\\"imageSide\\":0'), "latin1");
    const before = tf.memory().numTensors;
    expect(() => VqVae.fromSafetensors(foreign)).toThrow(CheckpointError);
    expect(() => VqVae.fromSafetensors(foreign)).toThrow("other-model");
    expect(() => VqVae.fromSafetensors(reshaped)).toThrow(CheckpointError);
    expect(() => VqVae.fromSafetensors(impossible)).toThrow(CheckpointError);
    expect(() => VqVae.fromSafetensors(bytes.subarray(0, bytes.length - 8))).toThrow(CheckpointError);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("checks", () => {
  it("name what is wrong with images and codes", async () => {
    using model = create();
    await expect(model.encode(stripes(1, 1, { side: 12 }))).rejects.toThrow("got height 12");
    await expect(model.encode(stripes(1, 1, { channels: 1 }))).rejects.toThrow("got channels 1");
    await expect(model.encode({ ...stripes(1), maxValue: 255 })).rejects.toThrow("got maxValue 255");
    await expect(model.encode({ ...stripes(1), data: new Uint8Array(192).fill(4) })).rejects.toThrow(ShapeError);
    const codes = { data: Int32Array.of(0, 1, 2, 8), count: 1, height: 2, width: 2 };
    await expect(model.decode(codes)).rejects.toThrow("8 at index 3 is outside [0, 8)");
    await expect(model.decode({ ...codes, height: 1, width: 4 })).rejects.toThrow("2×2 codes, got 1×4");
  });

  it("name what is wrong with a configuration", () => {
    expect(() => create({ imageSide: 0 })).toThrow(ConfigError);
    expect(() => create({ imageSide: 0 })).toThrow("imageSide");
    expect(() => create({ head: "categorical", maxValue: 255 })).toThrow("maxValue up to 15, got 255");
    expect(() => create({ head: "other" as never })).toThrow('"sigmoid" or "categorical"');
    expect(() => create({ quantizer: { codebookSize: 0 } })).toThrow("quantizer.codebookSize");
    expect(() => create({ quantizer: { emaDecay: 1 } })).toThrow("quantizer.emaDecay");
    expect(() => create({ quantizer: { deadCodeThreshold: 1.5 } })).toThrow("at most 1, got 1.5");
    expect(() => create({ network: { stages: 1.5 } })).toThrow("network.stages");
    expect(() => create({ quantizer: { chunks: 2 } as never })).toThrow('quantizer.chunks: "vector" has no such field');
  });

  it("refuse a disposed model", async () => {
    const model = create();
    model.dispose();
    await expect(model.encode(stripes(1))).rejects.toThrow(MmgenError);
    expect(() => model.loss(stripes(1), { training: true })).toThrow("disposed");
  });

  it("same seed, same model", async () => {
    using one = create({}, 7);
    using two = create({}, 7);
    expect(await one.toSafetensors()).toEqual(await two.toSafetensors());
  });
});
