import { checkOneOf } from "../model/check-config.js";
import { type ConvolutionalConfig, convolutionalNetwork, resolveConvolutional } from "./convolutional-network.js";
import { type DenseConfig, denseNetwork, resolveDense } from "./dense-network.js";
import type { Network, NetworkEnds } from "./network.js";

/** Encoder and decoder. */
export type NetworkConfig = ConvolutionalConfig | DenseConfig;

/** A network with its defaults: `convolutional` where no type is named. */
export type NetworkOptions = Partial<ConvolutionalConfig> | (Pick<DenseConfig, "type"> & Partial<DenseConfig>);

/** Fills in the defaults, and throws `ConfigError` unless the type is known and every field in range. */
export function resolveNetwork(options: NetworkOptions): NetworkConfig {
  const { type = "convolutional" } = options;
  checkOneOf("network.type", type, ["convolutional", "dense"]);
  return options.type === "dense" ? resolveDense(options) : resolveConvolutional(options);
}

/** The network that a configuration names. */
export function createNetwork(config: NetworkConfig, ends: NetworkEnds): Network {
  return config.type === "dense" ? denseNetwork(config, ends) : convolutionalNetwork(config, ends);
}
