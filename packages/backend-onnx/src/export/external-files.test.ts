import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { registerOnnxBackend } from "../engine/register-onnx-backend.js";
import { exportOnnxFiles } from "./export-onnx.js";
import { placeExternally } from "./external-files.js";
import { decode, float, numbers, run, storedBytes } from "./run-model.fixture.js";

beforeEach(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});
afterEach(() => tf.engine().reset());

const x = { shape: ["batch", 32], dtype: "float32" } as const;
function threeLayers() {
  const weights = new Map(
    [1, 2, 3].map((layer) => [`w${layer}`, tf.reshape(tf.cos(tf.range(0, 1024 * layer)), [32, 32 * layer])] as const),
  );
  const fn = ({ x }: tf.NamedTensorMap) => ({
    y: tf.addN([...weights.values()].map((weight) => tf.sum(tf.matMul(x!, weight as tf.Tensor2D), 1))),
  });
  return { weights, fn };
}

it("many weights stand in files beside the model, from where ONNX Runtime reads them", async () => {
  const { fn, weights } = threeLayers();
  const files = await exportOnnxFiles(fn, { inputs: { x }, weights, fileName: "net.onnx", maxFileBytes: 12_300 });
  // 4096 and 8192 bytes share a file, 12288 have one.
  expect([...files].map(([name, { length }]) => [name, name === "net.onnx" || length])).toEqual([
    ["net.onnx", true],
    ["net.onnx.data", 12_288],
    ["net.onnx.data1", 12_288],
  ]);
  const model = decode(files.get("net.onnx")!);
  expect(storedBytes(model)).toBeLessThan(1024);
  const places = model.graph.initializer.flatMap(({ externalData }) =>
    externalData.map(({ key, value }) => `${key} ${value}`),
  );
  expect(places).toContain("location net.onnx.data");
  expect(places).toContain("offset 4096");
  const folder = await mkdtemp(join(tmpdir(), "mmgen-export-"));
  try {
    for (const [name, bytes] of files) {
      await writeFile(join(folder, name), bytes);
    }
    const values = Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const { y } = await run(join(folder, "net.onnx"), { x: float(values, [2, 32]) });
    const expected = fn({ x: tf.tensor2d(values, [2, 32]) }).y.dataSync();
    expect(numbers(y).map((value) => value.toFixed(3))).toEqual([...expected].map((value) => value.toFixed(3)));
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("few weights stay in the model's file, and file names are checked", async () => {
  const { fn, weights } = threeLayers();
  expect([...(await exportOnnxFiles(fn, { inputs: { x }, weights })).keys()]).toEqual(["model.onnx"]);
  for (const options of [
    { fileName: "a/b" },
    { fileName: "" },
    { fileName: ".." },
    { maxFileBytes: 0 },
    { maxFilBytes: 1 },
  ]) {
    const error: unknown = await exportOnnxFiles(fn, { inputs: { x }, ...options } as never).catch((e: unknown) => e);
    expect(ConfigError.isInstance(error), `${error}`).toBe(true);
  }
});

it("a value larger than a file has one of its own", () => {
  const values = [2000, 9000, 500, 1100].map((length) => ({ length }) as never);
  const elements = new Map(values.map((value: { length: number }) => [value, new Uint8Array(value.length)]));
  const { external, contents } = placeExternally({ stored: values, elements } as never, {
    fileName: "m",
    maxFileBytes: 6000,
  });
  expect([...external.values()]).toEqual([
    { file: "m.data", offset: 0, length: 2000 },
    { file: "m.data1", offset: 0, length: 9000 },
    { file: "m.data2", offset: 0, length: 1100 },
  ]);
  expect([...contents.values()].map(({ length }) => length)).toEqual([2000, 9000, 1100]);
});
