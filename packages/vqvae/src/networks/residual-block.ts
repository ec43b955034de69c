import * as tf from "@tensorflow/tfjs-core";
import { convolution, type Layer, rectifier, sequence } from "./layers.js";
import { normalization } from "./normalization-layer.js";

/** x + (normalize, rectify, 3×3, normalize, rectify, 1×1)(x). */
export function residualBlock(name: string, channels: number, kind: "batch" | "none"): Layer {
  const branch = sequence(
    normalization(`${name}.norm1`, channels, kind),
    rectifier,
    convolution(`${name}.conv1`, { inputs: channels, outputs: channels, filter: 3 }),
    normalization(`${name}.norm2`, channels, kind),
    rectifier,
    convolution(`${name}.conv2`, { inputs: channels, outputs: channels, filter: 1 }),
  );
  return { parameters: branch.parameters, forward: (x, pass) => tf.add(x, branch.forward(x, pass)) };
}
