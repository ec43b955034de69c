import type { ElementType } from "./element-type.js";
import { GraphBuilder } from "./graph-builder.js";
import { LazyValue } from "./lazy-value.js";
import { valueName, writeOnnxModel } from "./onnx-model.js";
import { Planner } from "./plan.js";

/** A model that answers what it is fed. */
export interface CopyModel {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly input: string;
  readonly output: string;
}

/** Writes the copy of a tensor of any shape of `rank` axes. */
export function copyModel(type: ElementType, rank: number): CopyModel {
  const input = new LazyValue(
    type,
    Array.from({ length: rank }, () => 1),
  );
  const output = new GraphBuilder().unary("Identity", input);
  const plan = new Planner().plan([output], new Set([input]));
  const sizes = Array.from({ length: rank }, (_, axis) => `size${axis}`);
  const bytes = writeOnnxModel(plan, {
    names: new Map(),
    stored: new Set(),
    constants: new Map(),
    shapes: new Map([
      [input, sizes],
      [output, sizes],
    ]),
  });
  return { bytes, input: valueName(input), output: valueName(output) };
}
