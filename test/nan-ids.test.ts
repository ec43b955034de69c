import { useOnnx } from "@mmgen/backend-onnx";
import { sampleId } from "@mmgen/samplers";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseIds } from "../packages/tiny-transformer/src/decoding/choose-ids.js";
import { alignedCodes, nearestCodes } from "../packages/vqvae/src/codebooks/nearest-codes.js";

const size = 6;
const legal = [2, 4];
/** Logits in which an illegal id would win wherever NaN is passed on or over: rows of NaN, and of NaN where it is legal. */
const rows = [
  new Array<number>(size).fill(Number.NaN),
  [9, 9, Number.NaN, 9, Number.NaN, 9],
  [Number.NaN, 9, 1, Number.NaN, Number.NaN, Infinity],
  [Number.NaN, Number.NaN, -Infinity, Infinity, Number.NaN, 0],
];
const settings = [
  { temperature: 0 },
  { temperature: 1 },
  { temperature: 0.01 },
  { temperature: 0.7, topK: 3 },
  { temperature: 1, topP: 0.5 },
];

describe.each(["cpu", "wasm", "onnx"])("NaN on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "onnx") {
      await useOnnx();
      return;
    }
    expect(await tf.setBackend(backend)).toBe(true);
  });

  it.each(settings)("never chooses an illegal id, at %o", (setting) => {
    const legality = rows.map(() => Array.from({ length: size }, (_, id) => (legal.includes(id) ? 0 : -Infinity)));
    const noise = rows.map((_, row) => Array.from({ length: size }, (_, id) => Math.sin(row * size + id)));
    const ids = tf.tidy(() =>
      chooseIds(tf.tensor2d(rows), tf.tensor2d(legality), tf.tensor2d(noise), setting).dataSync(),
    );
    expect(ids).toHaveLength(rows.length);
    expect([...ids].filter((id) => !legal.includes(id))).toEqual([]);
  });

  it("gives latents a code of the codebook", () => {
    for (const find of [nearestCodes, alignedCodes]) {
      const codes = tf.tidy(() => {
        const latents = tf.tensor2d([Number.NaN, 1, Number.NaN, Number.NaN, 0, 1, Infinity, -Infinity], [4, 2]);
        return find(latents, tf.tensor2d([1, 0, 0, 1, -1, 0], [3, 2])).dataSync();
      });
      expect([...codes].filter((code) => !(code >= 0 && code < 3))).toEqual([]);
      expect(codes[2]).toBe(1);
    }
  });

  it("gives arg-max, arg-min and the largest in a row places within it", () => {
    const x = () => tf.tensor2d(rows);
    const places = [tf.argMax(x(), 1), tf.argMin(x(), 1), tf.argMax(tf.transpose(x()), 0), tf.topk(x(), 3).indices];
    for (const place of places) {
      expect([...place.dataSync()].filter((at) => !(at >= 0 && at < size))).toEqual([]);
    }
  });
});

it("NaN in the sampler of one row never chooses an illegal id", () => {
  for (const row of rows) {
    for (const setting of settings) {
      for (const seed of [1, 2, 3]) {
        expect(legal).toContain(sampleId(Float32Array.from(row), { ...setting, legal, seed, position: 0 }));
      }
    }
  }
});
