import { ConfigError } from "@mmgen/core";
import type { Module } from "@mmgen/nn/layers";
import type { AttributeClassifierConfig } from "./classifier-config.js";

/**
 * Whether a classifier of this configuration can have another one's convolutions; their images may differ in size.
 *
 * @throws a {@link ConfigError} that says what differs.
 */
export function checkSameConvolutions(config: AttributeClassifierConfig, from: AttributeClassifierConfig): void {
  for (const name of ["trunk", "channels", "hiddenChannels"] as const) {
    const [expected, found] = [config, from].map((each) => JSON.stringify(each[name]));
    if (found !== expected) {
      throw new ConfigError(`convolutionsOf: expected a classifier of ${name} ${expected}, got one of ${found}.`);
    }
  }
}

/** Gives a classifier's convolutions and their norms the values of another one's, and gives it back. */
export function copyConvolutions<Classifier extends Module>(from: Module, classifier: Classifier): Classifier {
  for (const [name, { variable }] of classifier.weights) {
    if (/\.(convolution|norm)\./.test(name)) {
      variable.assign(from.weights.get(name)!.variable);
    }
  }
  return classifier;
}
