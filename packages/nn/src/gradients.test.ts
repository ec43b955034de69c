import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => tf.setBackend("cpu"));

describe("gradients", () => {
  it("registers the gradients of ordinary operations with the one engine there is", () => {
    const gradient = tf.grad((x) => tf.sum(tf.mul(x, tf.reshape(x, [3]))));
    expect([...gradient(tf.tensor1d([1, 2, 3])).dataSync()]).toEqual([2, 4, 6]);
    for (const kernel of ["Add", "BatchMatMul", "Conv2D", "GatherV2", "Reshape", "SplitV", "Transpose"]) {
      expect(tf.getGradient(kernel), kernel).toBeDefined();
    }
  });
});

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const built = ["index.js", "index.cjs", "gradients.js", "gradients.cjs"].every((file) =>
  existsSync(`${packageFolder}dist/${file}`),
);

// Runs where the package is built; a test of the packed package covers the rest.
describe.runIf(built)("the built package in plain Node", () => {
  const check = `
    tf.env().set("IS_TEST", true);
    const before = tf.engine();
    const run = async () => {
      await tf.setBackend("cpu");
      const gradient = tf.grad((x) => tf.sum(tf.mul(nn.gelu(x), tf.reshape(x, [2]))));
      console.log(tf.engine() === before, (await gradient(tf.tensor1d([0, 1])).data()).length);
    };
    run();`;
  const scripts: [string, string][] = [
    [
      "module",
      `import * as tf from "@tensorflow/tfjs-core"; import "@tensorflow/tfjs-backend-cpu"; import * as nn from "@mmgen/nn"; ${check}`,
    ],
    [
      "commonjs",
      `const tf = require("@tensorflow/tfjs-core"); require("@tensorflow/tfjs-backend-cpu"); const nn = require("@mmgen/nn"); ${check}`,
    ],
  ];
  for (const [type, script] of scripts) {
    it(`has gradients as ${type}, one engine, and nothing on stderr`, async () => {
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [`--input-type=${type}`, "--eval", script],
        { cwd: packageFolder },
      );
      expect(stdout.trim()).toBe("true 2");
      expect(stderr).toBe("");
    });
  }
});
