import * as tf from "@tensorflow/tfjs-core";
import type { CodebookMatch } from "./codebook.js";

/** The losses of several codebooks as one: means over the codebooks, each of which averages over as many values. */
export function meanTerms(matches: readonly CodebookMatch[]): Pick<CodebookMatch, "loss" | "metrics" | "aux"> {
  const mean = (terms: tf.Scalar[]): tf.Scalar => tf.mean(tf.stack(terms));
  const names = Object.keys(matches[0]!.metrics);
  return {
    loss: mean(matches.map(({ loss }) => loss)),
    metrics: Object.fromEntries(names.map((name) => [name, mean(matches.map(({ metrics }) => metrics[name]!))])),
    aux: Object.assign({}, ...matches.map(({ aux }) => aux)),
  };
}
