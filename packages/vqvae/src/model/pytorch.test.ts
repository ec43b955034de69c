import { readFileSync } from "node:fs";
import { CheckpointError, Random, readSafetensors, writeSafetensors } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { mnistVlmNames, VqVae, type VqVaeOptions, vqVaePresets } from "../index.js";

// Written by PyTorch: bench/interchange/interchange.py. The mnist-vlm autoencoder, small.
const read = (name: string) => readFileSync(new URL(`../../fixtures/pytorch/${name}.safetensors`, import.meta.url));
const preset = vqVaePresets["mnist-vlm"];
const config: VqVaeOptions = {
  ...preset,
  imageSide: 6,
  network: { ...preset.network, hidden: [10] },
  quantizer: { ...preset.quantizer, chunks: 4, codeDimension: 3, codebookSize: 5 },
};
const options = { config, names: mnistVlmNames };
const expected = readSafetensors(read("letters-expected")).tensors;
const count = expected.get("levels")!.shape[0]!;
const images = {
  data: expected.get("levels")!.data as Uint8Array,
  ...{ count, height: 6, width: 6, channels: 1, maxValue: 255 },
};

beforeAll(() => tf.setBackend("cpu"));

describe("a file of the mnist-vlm autoencoder", () => {
  it("gives PyTorch's codes, and its images to the nearest level", async () => {
    using model = VqVae.loadPyTorch(read("letters"), options);
    const codes = await model.encode(images);
    expect(codes.data).toEqual(expected.get("codes")!.data);
    expect(new Set(codes.data).size).toBeGreaterThan(2); // or equality would say little
    const levels = (await model.decode(codes)).data;
    const theirs = expected.get("pixels")!.data;
    expect(levels.length).toBe(theirs.length);
    // Half a level from rounding, and what float32 leaves.
    expect(Math.max(...levels.map((level, at) => Math.abs(level - 255 * theirs[at]!)))).toBeLessThan(0.5 + 255e-5);
  });

  it("goes back to PyTorch's names and values, and nothing beside them", async () => {
    using model = VqVae.loadPyTorch(read("letters"), options);
    const back = readSafetensors(await model.savePyTorch({ names: mnistVlmNames }));
    expect(Object.fromEntries(back.tensors)).toEqual(Object.fromEntries(readSafetensors(read("letters")).tensors));
  });

  it("is taken for initialized, with sums that agree with an EMA codebook", async () => {
    const ema: VqVaeOptions = { ...config, quantizer: { ...config.quantizer, type: "product", codebook: "ema" } };
    using model = VqVae.loadPyTorch(read("letters"), { ...options, config: ema });
    const codebook = model.buffers.get("quantizer.codebook")!;
    const before = [...codebook.dataSync()];
    await model.initialize(images, Random.fromSeed(1));
    expect([...codebook.dataSync()]).toEqual(before);
    expect(model.buffers.get("quantizer.ema_sum")!.dataSync()).toEqual(codebook.dataSync());
    expect(new Set(model.buffers.get("quantizer.ema_count")!.dataSync())).toEqual(new Set([1]));
  });

  it("is refused, and leaves nothing behind, where it is of another size or other names", () => {
    const before = tf.memory().numTensors;
    const wider = { ...config, network: { ...preset.network, hidden: [12] } };
    const load = () => VqVae.loadPyTorch(read("letters"), { ...options, config: wider });
    expect(load).toThrow(CheckpointError);
    expect(load).toThrow("encoder.fc1.weight is float32 [10, 36] and not float32 [12, 36]");
    expect(() => VqVae.loadPyTorch(read("letters"), { config })).toThrow(
      /missing: encoder\.0\.weight \[10, 36\] \(nearest left over: encoder\.fc1\.weight\)/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("a file of the network for real images", () => {
  const network = {
    levels: [8, 16],
    residualBlocks: 0,
    levelBlocks: 1,
    residualFilter: 3,
    normalization: "group",
    activation: "silu",
    upsampling: "nearest",
  } as const;
  const config: VqVaeOptions = {
    imageSide: 8,
    maxValue: 255,
    network,
    quantizer: { codebookSize: 8, codeDimension: 4 },
  };
  const { tensors } = readSafetensors(read("images-expected"));
  const [levels, theirs] = [tensors.get("levels")!, tensors.get("pixels")!.data];
  const images = {
    data: levels.data as Uint8Array,
    ...{ count: levels.shape[0]!, height: 8, width: 8, channels: 3, maxValue: 255 },
  };

  it("gives PyTorch's latents and codes, and its images to the nearest level", async () => {
    using model = VqVae.loadPyTorch(read("images"), { config });
    const latents = (await model.latents(images)).data;
    const expectedLatents = tensors.get("latents")!.data;
    expect(latents.length).toBe(expectedLatents.length);
    // Values up to 10, through 8 layers in float32.
    expect(Math.max(...latents.map((value, at) => Math.abs(value - expectedLatents[at]!)))).toBeLessThan(2e-5);
    const codes = await model.encode(images);
    expect([...codes.data]).toEqual(Array.from(tensors.get("codes")!.data, Number));
    expect(new Set(codes.data).size).toBeGreaterThan(2);
    const decoded = (await model.decode(codes)).data;
    expect(decoded.length).toBe(theirs.length);
    const levelOf = (value: number) => Math.min(255, Math.max(0, 127.5 * (value + 1)));
    expect(Math.max(...decoded.map((level, at) => Math.abs(level - levelOf(theirs[at]!))))).toBeLessThan(0.5 + 255e-5);
    const back = readSafetensors(await model.savePyTorch());
    expect(Object.fromEntries(back.tensors)).toEqual(Object.fromEntries(readSafetensors(read("images")).tensors));
  });
});

it("round-trips convolutions and batch statistics, in PyTorch's layouts and beside its counters", async () => {
  const convolutional: VqVaeOptions = {
    imageSide: 4,
    network: { hiddenChannels: 6, stages: 1, residualBlocks: 1 },
    quantizer: { codebookSize: 4, codeDimension: 3 },
  };
  using model = VqVae.create(convolutional, { random: Random.fromSeed(1) });
  const { tensors } = readSafetensors(await model.savePyTorch());
  expect(tensors.get("encoder.down.0.conv.weight")!.shape).toEqual([6, 3, 4, 4]);
  const counted = new Map(tensors).set("encoder.residual.0.norm1.num_batches_tracked", {
    dtype: "int32",
    shape: [],
    data: Int32Array.of(9),
  });
  using loaded = VqVae.loadPyTorch(writeSafetensors({ tensors: counted, metadata: {} }), { config: convolutional });
  for (const [name, variable] of model.parameters) {
    expect(loaded.parameters.get(name)!.dataSync(), name).toEqual(variable.dataSync());
  }
});
