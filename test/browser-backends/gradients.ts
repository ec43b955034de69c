import "@mmgen/nn/gradients";
import * as tf from "@tensorflow/tfjs-core";
import { gradientsOf, nameOf, sweepPrograms } from "../../packages/nn/src/gradients/sweep.fixture.js";
import { gradientCases } from "../fixtures/gradient-cases.fixture.js";

/** Programs whose gradient needs a kernel that a backend of tfjs does not have, by the backend's name. */
const lacking: Readonly<Record<string, RegExp>> = { webgl: /^Dilation2D/ };

/** How many gradients were compared, and a line for each that is wrong. */
export interface ComparedGradients {
  readonly count: number;
  readonly wrong: readonly string[];
}

/** Compares gradients on a backend with those worked out by hand, and the ones of the sweep with those on cpu. */
export async function compareGradients(backend: string): Promise<ComparedGradients> {
  const wrong: string[] = [];
  const compare = async (name: string, compute: () => tf.Tensor[], expected: readonly ArrayLike<number>[]) => {
    const found = await gradientsOn(backend, compute).catch((error: Error) => error.message);
    if (typeof found === "string" || !expected.every((values, i) => areClose(values, found[i]!))) {
      wrong.push(`${name}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected.map((x) => Array.from(x)))}`);
    }
  };
  for (const [name, [gradient, expected]] of Object.entries(gradientCases)) {
    await compare(name, () => [gradient()], [expected]);
  }
  const programs = sweepPrograms.filter((program) => !lacking[backend]?.test(nameOf(program)));
  for (const program of programs) {
    const compute = () => gradientsOf(program, program.inputs());
    await compare(nameOf(program), compute, await gradientsOn("cpu", compute));
  }
  return { count: Object.keys(gradientCases).length + programs.length, wrong };
}

async function gradientsOn(backend: string, compute: () => tf.Tensor[]): Promise<number[][]> {
  await tf.setBackend(backend);
  const gradients = tf.tidy(compute);
  const values = await Promise.all(gradients.map(async (gradient) => Array.from(await gradient.data())));
  tf.dispose(gradients);
  return values;
}

function areClose(expected: ArrayLike<number>, values: readonly number[]): boolean {
  return (
    expected.length === values.length &&
    values.every((value, i) => Math.abs(value - expected[i]!) <= 1e-3 * Math.max(1, Math.abs(value)))
  );
}
