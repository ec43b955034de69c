import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, Random } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { nodeBundle, root } from "./fixtures/bundle.fixture.js";

const random = Random.fromSeed(1);

describe("a model without a backend", () => {
  const makers: readonly (readonly [string, () => unknown])[] = [
    ["VqVae", () => VqVae.create({}, { random })],
    [
      "TinyTransformer",
      () => TinyTransformer.create({ vocabularySize: 3, contextLength: 3, width: 4, heads: 1, layers: 1 }, { random }),
    ],
    [
      "AttributeClassifier",
      () =>
        AttributeClassifier.create(
          { height: 8, width: 8, channels: 1, attributes: [{ name: "a", classes: 2 }] },
          { random },
        ),
    ],
  ];
  it.each(makers)("%s: an error names the packages to install and what to call", (_, make) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/@mmgen\/backend-onnx onnxruntime-node.*useOnnx.*tfjs-backend-webgl.*tfjs-backend-cpu/);
  });
});

describe("a program in one CommonJS file, bundled from ES modules", () => {
  const folder = mkdtempSync(join(tmpdir(), "mmgen-one-file-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("starts the onnx backend where the package is, and refuses to go on elsewhere", async () => {
    const code = `
      import * as tf from "@tensorflow/tfjs-core";
      import { useOnnx } from "@mmgen/backend-onnx";
      import { Linear } from "@mmgen/nn";
      import { Random } from "@mmgen/core";
      (async () => {
        try {
          new Linear({ inputs: 1, outputs: 1 }).initializeWeights(Random.fromSeed(1));
        } catch (error) {
          console.log(error.name, /only imported/.test(error.message));
        }
        await useOnnx();
        console.log(tf.getBackend(), tf.add(1, 2).dataSync()[0]);
      })().catch((error) => { console.log(error.name, error.message); });
    `;
    const { plugins, ...options } = nodeBundle(code);
    const { outputFiles } = await build({ ...options, format: "cjs", plugins: [plugins![0]!] });
    const program = join(folder, "program.cjs");
    writeFileSync(program, outputFiles![0]!.contents);
    const run = (cwd: string) => spawnSync(process.execPath, [program], { cwd, encoding: "utf8" }).stdout;
    expect(run(root)).toBe("ConfigError true\nonnx 3\n");
    expect(run(folder)).toMatch(/^ConfigError true\nConfigError The onnx backend needs the package onnxruntime-node/);
  });
});
