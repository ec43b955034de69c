import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareWithDifferences, excludedKernels, kernelNames, nameOf, sweepPrograms } from "./sweep.fixture.js";

beforeAll(async () => {
  tf.env().set("IS_TEST", true);
  await tf.setBackend("cpu");
});

describe("the sweep over every gradient there is", () => {
  const ran = new Set<string>();
  const registered: tf.GradConfig[] = [];

  beforeAll(() => {
    for (const kernel of kernelNames().withGradient) {
      const config = tf.getGradient(kernel)!;
      registered.push(config);
      tf.registerGradient({
        ...config,
        gradFunc: (...call) => {
          ran.add(kernel);
          return config.gradFunc(...call);
        },
      });
    }
  });
  afterAll(() => {
    for (const config of registered) {
      tf.registerGradient(config);
    }
  });

  it("knows every kernel of tfjs-core and every registered gradient", () => {
    const { all, withGradient } = kernelNames();
    const swept = new Set(sweepPrograms.map(({ kernel }) => kernel));
    const excluded = Object.keys(excludedKernels);
    expect([...all].filter((kernel) => !swept.has(kernel) && !(kernel in excludedKernels))).toEqual([]);
    expect([...swept, ...excluded].filter((kernel) => !all.has(kernel))).toEqual([]);
    expect(
      excluded.filter((kernel) => swept.has(kernel) && withGradient.has(kernel) && kernel !== tf.LogSoftmax),
    ).toEqual([]);
    console.log(
      `Swept ${swept.size} kernels in ${sweepPrograms.length} programs: ${[...swept].join(", ")}.\n` +
        `Excluded ${excluded.length}:\n` +
        excluded.map((kernel) => `  ${kernel}: ${excludedKernels[kernel]}`).join("\n"),
    );
  });

  it("agrees with central differences", () => {
    const wrong = sweepPrograms.flatMap((program) => {
      ran.clear();
      try {
        const problems = compareWithDifferences(program);
        const isRun = ran.has(program.kernel) || program.kernel in excludedKernels;
        return isRun ? problems : [...problems, `${nameOf(program)}: does not run the rule of ${program.kernel}`];
      } catch (error) {
        return [`${nameOf(program)}: ${(error as Error).message}`];
      }
    });
    expect(wrong).toEqual([]);
  });
});
