import { uniform } from "@mmgen/nn";
import type { Parameter } from "./parameters.js";

/** Weight `[outputs, inputs]` and bias of a linear layer, with PyTorch's start: uniform in ±1/√inputs. */
export function linearParameters(name: string, inputs: number, outputs: number): Parameter[] {
  const bound = 1 / Math.sqrt(inputs);
  return [
    {
      name: `${name}.weight`,
      learned: "by gradient",
      initial: (random) => uniform([outputs, inputs], { random, low: -bound, high: bound }),
    },
    {
      name: `${name}.bias`,
      learned: "by gradient",
      initial: (random) => uniform([outputs], { random, low: -bound, high: bound }),
    },
  ];
}
